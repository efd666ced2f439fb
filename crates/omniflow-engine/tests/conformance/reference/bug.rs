//! Faults that can be planted into the engine, each one that a real engine could have.

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Stock is reserved whether there is enough or not.
    Oversells,
    /// Lines of one SKU are not added up before stock is looked at.
    LooksAtEachLineAlone,
    /// What was reserved before a line was short stays reserved.
    ReservesSomeLines,
    /// An order that was undone keeps its reservation.
    ForgetsToRelease,
    /// Shipped goods stay in the warehouse.
    ForgetsToConsume,
    /// An order that was refused for lack of stock is kept.
    KeepsRefusedOrders,
    /// External ids are not unique.
    TakesExternalIdsTwice,
    /// Timers fire a millisecond early.
    TimersAreEarly,
    /// Timers fire a second late.
    TimersAreLate,
    /// After a restart a window begins anew.
    WindowsBeginAnew,
    /// Timers that came due while the engine was down never fire.
    OverdueTimersAreLost,
    /// Timers that come due together fire in any order.
    OverdueTimersFireBackwards,
    /// Providers' deadlines are not watched.
    DeadlinesAreIgnored,
    /// What was answered last is lost in a crash.
    AnswersBeforeItIsDurable,
    /// Effects that were running at a crash are not started again.
    EffectsAreLost,
    /// After a restart an effect has another key.
    KeysChangeAtRestart,
    /// Each refund is asked for under two keys.
    RefundsTwice,
    /// Refunds are of the order's total, whatever was captured.
    RefundsTheTotal,
    /// A refund is asked for in its first round, even after a refusal.
    NeverRaisesTheRound,
    /// A report of a payment after the end is dropped.
    DropsLatePayments,
    /// An outcome that comes when nobody waits is dropped.
    DropsLateOutcomes,
    /// An exhausted shipment is taken for a refused one.
    CompensatesByGuess,
    /// An unknown outcome is taken for none.
    TakesUnknownForNone,
    /// The chain does not begin with the event before.
    ChainsNothing,
    /// Waiting for a change does not end.
    NeverWakes,
    /// A feed begins with the position that it should begin after.
    FeedsAreOffByOne,
    /// Positions are those of the engine's memory, not of the log.
    PositionsBeginAnew,
    /// Lists show the oldest first.
    ListsOldestFirst,
    /// A list's cursor counts from the newest, so that new orders shift it.
    CursorsShift,
    /// The version that was asked for is not looked at.
    IgnoresVersions,
    /// Erased details are still there.
    KeepsErasedDetails,
    /// A recount is held to what is reserved.
    RefusesRecounts,
    /// What was expected on hand is not looked at.
    IgnoresExpectations,
    /// An order that is read is the one before.
    ReadsAreStale,
}

impl Bug {
    /// Every fault.
    pub(crate) const ALL: &[Self] = &[
        Self::Oversells,
        Self::LooksAtEachLineAlone,
        Self::ReservesSomeLines,
        Self::ForgetsToRelease,
        Self::ForgetsToConsume,
        Self::KeepsRefusedOrders,
        Self::TakesExternalIdsTwice,
        Self::TimersAreEarly,
        Self::TimersAreLate,
        Self::WindowsBeginAnew,
        Self::OverdueTimersAreLost,
        Self::OverdueTimersFireBackwards,
        Self::DeadlinesAreIgnored,
        Self::AnswersBeforeItIsDurable,
        Self::EffectsAreLost,
        Self::KeysChangeAtRestart,
        Self::RefundsTwice,
        Self::RefundsTheTotal,
        Self::NeverRaisesTheRound,
        Self::DropsLatePayments,
        Self::DropsLateOutcomes,
        Self::CompensatesByGuess,
        Self::TakesUnknownForNone,
        Self::ChainsNothing,
        Self::NeverWakes,
        Self::FeedsAreOffByOne,
        Self::PositionsBeginAnew,
        Self::ListsOldestFirst,
        Self::CursorsShift,
        Self::IgnoresVersions,
        Self::KeepsErasedDetails,
        Self::RefusesRecounts,
        Self::IgnoresExpectations,
        Self::ReadsAreStale,
    ];
}
