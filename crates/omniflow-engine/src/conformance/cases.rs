//! The list of the cases, and the macros that make each a test of its own.

use super::Case;

/// Lists the cases once: for [`CASES`], and for the macros that make each a test of its own.
macro_rules! suite {
    ($d:tt $($rule:ident { $($case:ident,)+ })+) => {
        /// Every case.
        pub const CASES: &[Case] = &[$($(Case {
            rule: stringify!($rule),
            name: stringify!($case),
            run: |world| Box::pin(super::$rule::$case(world)),
        },)+)+];

        /// Makes each case of the suite a test, in a module for each rule. Takes what makes a new
        /// [`Harness`](crate::conformance::Harness), such as a function's path.
        #[macro_export]
        macro_rules! conformance_suite {
            ($d new:expr) => {$(
                mod $rule {
                    #[allow(unused_imports, reason = "the harness may be named by a full path")]
                    use super::*;
                    $(#[::tokio::test]
                    async fn $case() {
                        $d crate::conformance::check(stringify!($rule), stringify!($case), $d new).await;
                    })+
                }
            )+};
        }

        /// Makes each case a test that replays it with a crash after each of its steps, in the module
        /// `crashing`.
        #[macro_export]
        macro_rules! conformance_crash_suite {
            ($d new:expr) => {
                mod crashing {
                    #[allow(unused_imports, reason = "the harness may be named by a full path")]
                    use super::*;
                    $(mod $rule {
                        #[allow(unused_imports, reason = "the harness may be named by a full path")]
                        use super::*;
                        $(#[::tokio::test]
                        async fn $case() {
                            $d crate::conformance::check_crashing(
                                stringify!($rule), stringify!($case), $d new,
                            ).await;
                        })+
                    })+
                }
            };
        }
    };
}

suite! {$
    placing {
        an_order_reserves_stock_for_every_line,
        an_order_is_kept_as_it_was_sent,
        too_little_stock_for_one_line_leaves_no_order,
        lines_of_one_sku_are_added_up,
        an_unknown_sku_leaves_no_order,
        an_external_id_is_taken_once,
        an_order_that_was_not_placed_takes_no_external_id,
    }
    review {
        only_a_total_strictly_above_the_threshold_is_reviewed,
        an_approved_order_awaits_its_payment,
        the_window_begins_with_the_approval,
        a_rejected_order_frees_its_stock,
        the_same_decision_again_changes_nothing,
        the_other_decision_is_refused,
        a_decision_without_a_review_is_refused,
    }
    window {
        an_unpaid_order_expires_and_frees_its_stock,
        a_window_ends_in_time_and_never_early,
        a_window_that_ends_while_the_engine_is_down_ends_after_the_start,
        a_window_keeps_its_deadline_across_restarts,
        windows_end_in_order_of_deadline,
        a_paid_order_never_expires,
        a_declined_payment_does_not_lengthen_the_window,
    }
    paying {
        a_capture_ships_the_order,
        a_report_that_came_before_changes_nothing,
        another_report_of_the_same_capture_is_only_recorded,
        a_declined_payment_may_be_tried_again,
        a_declined_payment_may_be_replaced,
        a_failed_payment_ends_the_order,
        a_failure_in_review_is_only_recorded,
        what_is_said_after_a_capture_is_only_recorded,
        a_report_after_the_end_moves_no_state,
        an_order_takes_a_hundred_payments,
    }
    surplus {
        a_second_payment_is_refunded,
        a_capture_of_another_amount_is_refunded,
        a_capture_in_another_currency_is_refunded_in_it,
        a_capture_in_review_ships_once_approved,
        a_capture_in_review_is_refunded_once_rejected,
        a_capture_in_review_is_refunded_once_cancelled,
        a_second_capture_in_review_is_refunded_at_once,
        a_capture_after_the_end_is_refunded,
        the_kept_payment_says_where_the_orders_payment_stands,
        a_capture_while_compensating_is_refunded,
    }
    cancelling {
        an_order_awaiting_its_payment_can_be_cancelled,
        an_order_in_review_can_be_cancelled,
        a_cancel_again_changes_nothing,
        a_cancelled_order_ships_nothing_and_never_expires,
        from_shipping_on_a_cancel_is_refused,
        what_ended_otherwise_cannot_be_cancelled,
    }
    shipping {
        a_carrier_that_fails_is_asked_again,
        a_carrier_that_is_silent_is_asked_again,
        a_slow_carrier_is_waited_for,
        a_carrier_slower_than_the_time_out_ships_once,
        a_refused_shipment_is_refunded_and_frees_the_stock,
        an_accepted_shipment_completes_once_it_is_reported,
        a_report_that_came_while_the_engine_was_down_is_made_again,
        an_accepted_shipment_that_is_refused_later_is_undone,
        an_accepted_shipment_without_a_report_needs_a_person,
        a_deadline_that_passes_while_the_engine_is_down_is_noticed,
        a_report_after_the_deadline_still_counts,
    }
    compensating {
        an_end_is_shown_only_when_the_refund_is_acknowledged,
        a_refund_that_fails_is_asked_for_again,
        a_refund_that_is_not_answered_is_asked_for_again,
        a_refund_slower_than_the_time_out_is_made_once,
        an_accepted_refund_ends_the_order_once_it_is_reported,
        an_accepted_refund_without_a_report_needs_a_person,
    }
    attention {
        an_exhausted_shipment_needs_a_person_and_undoes_nothing,
        an_unknown_shipment_needs_a_person_and_undoes_nothing,
        attention_lasts_across_restarts,
        a_retried_shipment_ships,
        a_retry_that_fails_needs_a_person_again,
        a_skipped_shipment_counts_as_done,
        a_compensated_shipment_is_refunded,
        a_shipment_reported_after_all_completes,
        a_shipment_refused_after_all_is_undone,
        without_attention_there_is_nothing_to_act_on,
        of_two_the_oldest_is_acted_on_first,
    }
    refund_attention {
        a_refused_refund_needs_a_person,
        a_refused_refund_is_asked_for_again_under_a_new_key,
        an_exhausted_refund_is_asked_for_again_under_the_same_key,
        an_unknown_refund_is_asked_for_again_under_the_same_key,
        a_skipped_refund_ends_the_order,
        a_refund_cannot_be_compensated,
        a_refund_reported_after_all_ends_the_order,
        an_ended_order_can_need_a_person_for_its_refund,
    }
    outcomes {
        the_same_outcome_again_changes_nothing,
        a_refusal_again_changes_nothing,
        only_a_decision_moves_what_was_accepted,
        an_outcome_that_contradicts_what_is_recorded_is_only_recorded,
        an_outcome_of_what_nobody_asked_for_is_only_recorded,
        an_outcome_of_an_earlier_round_is_only_recorded,
        an_outcome_that_its_effect_cannot_have_is_refused,
        at_most_a_hundred_senseless_signals_are_recorded,
    }
    racing {
        the_last_pieces_are_sold_once,
        of_two_captures_one_is_kept,
        the_same_report_twice_at_once_is_one,
        of_two_decisions_one_is_refused,
        a_payment_and_a_cancel_leave_nothing_half_done,
        a_payment_and_the_end_of_the_window_leave_nothing_half_done,
    }
    interrupted {
        a_report_that_a_crash_cut_off_is_taken_once,
        a_cancel_that_a_crash_cut_off_is_taken_once,
        a_decision_that_a_crash_cut_off_is_taken_once,
        a_placing_that_a_crash_cut_off_is_whole_or_nothing,
    }
    reading {
        a_started_engine_is_ready,
        what_was_answered_is_what_is_read,
        an_unknown_order_is_not_found,
        a_change_is_seen_at_once_or_waited_for,
        a_timer_wakes_who_waits_for_a_change,
        a_feed_goes_on_where_it_was_left,
        a_feed_waits_for_what_comes,
        a_list_shows_the_newest_first_and_stays_in_place,
        a_version_that_was_asked_for_must_match,
        details_are_kept_until_they_are_erased,
    }
    inventory {
        stock_can_be_created_set_and_adjusted,
        an_unknown_sku_has_no_stock,
        stock_never_falls_below_what_is_reserved,
        a_recount_is_the_truth_even_below_what_is_reserved,
        a_stale_expectation_changes_nothing,
        stock_that_cannot_be_counted_is_refused,
        more_cannot_be_taken_than_there_is,
        stocks_are_listed_by_sku,
    }
    repeating {
        a_placing_again_is_answered_the_same,
        a_command_again_is_answered_as_the_order_stood,
        a_repetition_finds_the_version_that_it_asked_for,
        a_mark_with_another_body_changes_nothing,
        what_was_refused_is_decided_again,
        placings_at_once_are_done_once,
        commands_at_once_are_done_once,
        an_expired_mark_is_free_again,
        an_expired_mark_of_a_command_is_free_again,
        an_adjustment_again_moves_no_stock,
        a_mark_of_what_changed_nothing_is_kept,
        another_mark_is_another_request,
        a_placing_that_a_crash_cut_off_is_done_once,
        an_adjustment_that_a_crash_cut_off_is_done_once,
    }
    listing {
        each_filter_shows_its_own,
        values_of_one_filter_mean_or,
        filters_together_mean_and,
        bounds_of_time_are_outside,
        a_cursor_stays_in_place_whatever_comes,
        a_cursor_of_another_list_is_refused,
        a_cursor_lasts_across_restarts,
        an_order_that_changes_changes_lists,
        what_was_acknowledged_is_in_the_next_list,
        what_happens_by_itself_is_listed,
    }
}
