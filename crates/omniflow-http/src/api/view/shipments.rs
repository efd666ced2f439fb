//! What is shipped.

use super::values::At;
use crate::openapi::words;
use omniflow_core::{Fulfillment, Order, ShipmentStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// One shipment.
#[derive(Serialize, ToSchema)]
#[schema(as = Shipment)]
pub(super) struct ShipmentView<'o> {
    /// The shipment.
    shipment_id: String,
    /// How it stands.
    #[schema(value_type = words::ShipmentState)]
    status: ShipmentStatus,
    /// The carrier's number.
    tracking_number: Option<&'o str>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: At,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: At,
}

pub(super) fn shipment(order: &Order) -> Option<ShipmentView<'_>> {
    let (created_at, updated_at) = order.shipment_times?;
    Some(ShipmentView {
        shipment_id: format!("{}.shipment-1", order.id),
        status: order.fulfillment.shipment_status()?,
        tracking_number: match &order.fulfillment {
            Fulfillment::Shipped { tracking_number } => Some(tracking_number.as_str()),
            _ => None,
        },
        created_at: At(created_at),
        updated_at: At(updated_at),
    })
}
