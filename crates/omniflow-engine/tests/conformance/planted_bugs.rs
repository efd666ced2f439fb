//! The suite can fail: each fault that is planted into the engine is found by the case that is about it.

use crate::reference::{Bug, ReferenceHarness};
use omniflow_engine::conformance::{check, check_crashing};

/// Asserts that a case fails once a bug is planted.
async fn finds(bug: Bug, rule: &'static str, name: &'static str) {
    let run = tokio::spawn(check(rule, name, move || ReferenceHarness::with(Some(bug))));
    assert!(run.await.is_err_and(|error| error.is_panic()), "{rule}::{name} does not find {bug:?}");
}

/// Asserts that a case passes as it is, and fails with a crash after one of its steps.
async fn finds_crashing(bug: Bug, rule: &'static str, name: &'static str) {
    let new = move || ReferenceHarness::with(Some(bug));
    check(rule, name, new).await;
    let run = tokio::spawn(check_crashing(rule, name, new));
    assert!(
        run.await.is_err_and(|error| error.is_panic()),
        "{rule}::{name} does not find {bug:?} by crashing"
    );
}

macro_rules! planted {
    ($($test:ident: $bug:ident is found by $find:ident($rule:ident::$case:ident);)+) => {
        $(#[tokio::test]
        async fn $test() {
            $find(Bug::$bug, stringify!($rule), stringify!($case)).await;
        })+

        /// Every bug has its test.
        #[test]
        fn every_bug_is_planted() {
            let planted = [$(Bug::$bug),+];
            for bug in Bug::ALL {
                assert!(planted.contains(bug), "{bug:?} is never planted");
            }
        }
    };
}

planted! {
    oversold: Oversells is found by finds(racing::the_last_pieces_are_sold_once);
    lines_alone: LooksAtEachLineAlone is found by finds(placing::lines_of_one_sku_are_added_up);
    some_lines: ReservesSomeLines is found by finds(placing::too_little_stock_for_one_line_leaves_no_order);
    unreleased: ForgetsToRelease is found by finds(cancelling::an_order_in_review_can_be_cancelled);
    unconsumed: ForgetsToConsume is found by finds(paying::a_capture_ships_the_order);
    refused_but_kept: KeepsRefusedOrders is found by finds(placing::too_little_stock_for_one_line_leaves_no_order);
    external_id_twice: TakesExternalIdsTwice is found by finds(placing::an_external_id_is_taken_once);
    early: TimersAreEarly is found by finds(window::a_window_ends_in_time_and_never_early);
    late: TimersAreLate is found by finds(window::a_window_ends_in_time_and_never_early);
    begun_anew: WindowsBeginAnew is found by finds(window::a_window_keeps_its_deadline_across_restarts);
    overdue_lost: OverdueTimersAreLost is found by
        finds(window::a_window_that_ends_while_the_engine_is_down_ends_after_the_start);
    overdue_backwards: OverdueTimersFireBackwards is found by finds(window::windows_end_in_order_of_deadline);
    deadline_ignored: DeadlinesAreIgnored is found by
        finds(shipping::an_accepted_shipment_without_a_report_needs_a_person);
    not_durable: AnswersBeforeItIsDurable is found by finds(paying::a_failed_payment_ends_the_order);
    effects_lost: EffectsAreLost is found by finds_crashing(shipping::a_slow_carrier_is_waited_for);
    keys_changed: KeysChangeAtRestart is found by
        finds_crashing(shipping::a_carrier_slower_than_the_time_out_ships_once);
    refunded_twice: RefundsTwice is found by finds(surplus::a_second_payment_is_refunded);
    refunded_the_total: RefundsTheTotal is found by finds(surplus::a_capture_of_another_amount_is_refunded);
    same_round: NeverRaisesTheRound is found by
        finds(refund_attention::a_refused_refund_is_asked_for_again_under_a_new_key);
    late_payment_dropped: DropsLatePayments is found by finds(surplus::a_capture_after_the_end_is_refunded);
    late_outcome_dropped: DropsLateOutcomes is found by finds(shipping::a_report_after_the_deadline_still_counts);
    contradiction_dropped: DropsLateOutcomes is found by
        finds(outcomes::an_outcome_that_contradicts_what_is_recorded_is_only_recorded);
    guessed: CompensatesByGuess is found by
        finds(attention::an_exhausted_shipment_needs_a_person_and_undoes_nothing);
    unknown_as_none: TakesUnknownForNone is found by
        finds(attention::an_unknown_shipment_needs_a_person_and_undoes_nothing);
    unchained: ChainsNothing is found by finds(placing::an_order_reserves_stock_for_every_line);
    never_woken: NeverWakes is found by finds(reading::a_change_is_seen_at_once_or_waited_for);
    never_woken_by_a_timer: NeverWakes is found by finds(reading::a_timer_wakes_who_waits_for_a_change);
    feed_off_by_one: FeedsAreOffByOne is found by finds(reading::a_feed_goes_on_where_it_was_left);
    positions_anew: PositionsBeginAnew is found by finds(reading::a_feed_goes_on_where_it_was_left);
    last_position_behind: LastPositionIsBehind is found by finds(reading::what_was_answered_is_what_is_read);
    oldest_first: ListsOldestFirst is found by finds(reading::a_list_shows_the_newest_first_and_stays_in_place);
    cursor_shifted: CursorsShift is found by finds(reading::a_list_shows_the_newest_first_and_stays_in_place);
    version_ignored: IgnoresVersions is found by finds(reading::a_version_that_was_asked_for_must_match);
    details_kept: KeepsErasedDetails is found by finds(reading::details_are_kept_until_they_are_erased);
    recount_refused: RefusesRecounts is found by
        finds(inventory::a_recount_is_the_truth_even_below_what_is_reserved);
    expectation_ignored: IgnoresExpectations is found by finds(inventory::a_stale_expectation_changes_nothing);
    stale_read: ReadsAreStale is found by finds(reading::what_was_answered_is_what_is_read);
    marks_forgotten: MarksAreForgottenAtRestart is found by finds(repeating::a_placing_again_is_answered_the_same);
    marks_forgotten_by_a_crash: MarksAreForgottenAtRestart is found by finds_crashing(repeating::another_mark_is_another_request);
    body_ignored: MarksIgnoreTheBody is found by finds(repeating::a_mark_with_another_body_changes_nothing);
    marks_for_ever: MarksNeverExpire is found by finds(repeating::an_expired_mark_is_free_again);
    marks_too_short: MarksExpireEarly is found by finds(repeating::an_expired_mark_is_free_again);
    marks_lengthened: RepetitionsLengthenMarks is found by finds(repeating::an_expired_mark_is_free_again);
    repeated_as_it_is_now: RepetitionsShowTheOrderNow is found by finds(repeating::a_command_again_is_answered_as_the_order_stood);
    repeated_at_another_time: RepetitionsAreTimedNow is found by finds(repeating::a_placing_again_is_answered_the_same);
    repeated_as_new: RepetitionsLookNew is found by finds(repeating::placings_at_once_are_done_once);
    reserved_again: RepetitionsReserveAgain is found by finds(repeating::a_placing_again_is_answered_the_same);
    refused_for_ever: KeepsRefusals is found by finds(repeating::what_was_refused_is_decided_again);
    idle_mark_forgotten: ForgetsIdleMarks is found by finds(repeating::a_mark_of_what_changed_nothing_is_kept);
    stock_moved_again: StockHasNoMarks is found by finds(repeating::an_adjustment_again_moves_no_stock);
    filters_mean_or: FiltersMeanOr is found by finds(listing::filters_together_mean_and);
    one_value: OneValueCounts is found by finds(listing::values_of_one_filter_mean_or);
    attention_ignored: AttentionIsIgnored is found by finds(listing::each_filter_shows_its_own);
    bounds_inside: BoundsAreInside is found by finds(listing::bounds_of_time_are_outside);
    lists_late: ListsLag is found by finds(listing::what_was_acknowledged_is_in_the_next_list);
    lists_late_to_change: ListsLag is found by finds(listing::an_order_that_changes_changes_lists);
    cursor_of_any_list: CursorsOpenAnywhere is found by finds(listing::a_cursor_of_another_list_is_refused);
    cursor_dies: CursorsDieAtRestart is found by finds(listing::a_cursor_lasts_across_restarts);
    cursor_shifted_in_a_filter: CursorsShift is found by finds(listing::a_cursor_stays_in_place_whatever_comes);
}
