//! The names by which any Temporal client in any language drives and watches an order. They are a promise.

/// The task queue of the workers.
pub const TASK_QUEUE: &str = "OMNIFLOW_TASK_QUEUE";
/// The workflow's type.
pub const WORKFLOW_TYPE: &str = "OrderFulfillmentWorkflow";
/// What a workflow's id begins with; the order's id follows.
pub const WORKFLOW_ID_PREFIX: &str = "WORKFLOW_";
/// The signal that reports a payment.
pub const SIGNAL_PAID: &str = "SIGNAL_PAYMENT_PAID";
/// The signal with a reviewer's decision.
pub const SIGNAL_REVIEW: &str = "SIGNAL_ADMIN_ACTION";
/// The query that answers the status text.
pub const QUERY_STATUS: &str = "get_order_status";

/// The id of an order's workflow.
pub fn workflow_id(order_id: &omniflow_core::OrderId) -> String {
    format!("{WORKFLOW_ID_PREFIX}{order_id}")
}
