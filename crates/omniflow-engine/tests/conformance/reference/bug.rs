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
    /// The last position is that of the event before the last.
    LastPositionIsBehind,
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
    /// Marks are of the engine's memory.
    MarksAreForgottenAtRestart,
    /// What was sent under a mark is not looked at.
    MarksIgnoreTheBody,
    /// A mark is kept for ever.
    MarksNeverExpire,
    /// A mark is not kept for as long as was asked.
    MarksExpireEarly,
    /// A repetition begins a mark's time anew.
    RepetitionsLengthenMarks,
    /// A repetition is answered with the order as it stands by then.
    RepetitionsShowTheOrderNow,
    /// A repetition is answered as of its own time.
    RepetitionsAreTimedNow,
    /// A repetition is not told that it is one.
    RepetitionsLookNew,
    /// A placing that is repeated reserves again.
    RepetitionsReserveAgain,
    /// What was refused under a mark is refused for ever.
    KeepsRefusals,
    /// A mark on what changed nothing is not kept.
    ForgetsIdleMarks,
    /// An adjustment of stock is made as often as it is sent.
    StockHasNoMarks,
    /// An order is listed that one filter of several admits.
    FiltersMeanOr,
    /// Of a filter's values only one is looked at.
    OneValueCounts,
    /// Lists do not look at attention.
    AttentionIsIgnored,
    /// An order placed at a list's bound is in it.
    BoundsAreInside,
    /// What changed last is not listed yet.
    ListsLag,
    /// A cursor is good for any list.
    CursorsOpenAnywhere,
    /// After a restart no cursor is known.
    CursorsDieAtRestart,
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
        Self::LastPositionIsBehind,
        Self::ListsOldestFirst,
        Self::CursorsShift,
        Self::IgnoresVersions,
        Self::KeepsErasedDetails,
        Self::RefusesRecounts,
        Self::IgnoresExpectations,
        Self::ReadsAreStale,
        Self::MarksAreForgottenAtRestart,
        Self::MarksIgnoreTheBody,
        Self::MarksNeverExpire,
        Self::MarksExpireEarly,
        Self::RepetitionsLengthenMarks,
        Self::RepetitionsShowTheOrderNow,
        Self::RepetitionsAreTimedNow,
        Self::RepetitionsLookNew,
        Self::RepetitionsReserveAgain,
        Self::KeepsRefusals,
        Self::ForgetsIdleMarks,
        Self::StockHasNoMarks,
        Self::FiltersMeanOr,
        Self::OneValueCounts,
        Self::AttentionIsIgnored,
        Self::BoundsAreInside,
        Self::ListsLag,
        Self::CursorsOpenAnywhere,
        Self::CursorsDieAtRestart,
    ];
}
