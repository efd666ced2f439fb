//! An event as the bytes of its message.

use crate::api::timeline::EntryView;
use omniflow_engine::FeedEntry;
use serde::Serialize;
use std::io::Write;
use utoipa::ToSchema;

/// What a stream begins with: how long to wait before connecting again, in milliseconds.
pub(super) const RETRY: &[u8] = b"retry: 1000\n\n";

/// What is sent when there is nothing to tell, so that what is between notices that both ends are there.
pub(super) const HEARTBEAT: &[u8] = b": nothing new\n\n";

/// What a message tells: the timeline's entry, and whose it is.
#[derive(Serialize, ToSchema)]
#[schema(as = FollowedEvent)]
pub(in crate::api) struct Told<'e> {
    /// Whose event it is.
    order_id: &'e str,
    #[serde(flatten)]
    entry: EntryView,
}

/// Writes the message of an event. One that cannot be written is logged and left out, as nothing that a
/// reader could do would bring it.
pub(super) fn write(entry: FeedEntry, out: &mut Vec<u8>) {
    let before = out.len();
    let (position, order_id) = (entry.position, entry.order_id.clone());
    if let Err(error) = try_write(entry, out) {
        out.truncate(before);
        tracing::error!(position = position.0, %order_id, %error, "an event cannot be written as a message");
    }
}

fn try_write(entry: FeedEntry, out: &mut Vec<u8>) -> std::io::Result<()> {
    let told = Told { order_id: entry.order_id.as_str(), entry: EntryView::of(entry.entry)? };
    write!(out, "id: {}\nevent: {}\ndata: ", entry.position.0, told.entry.r#type)?;
    serde_json::to_writer(&mut *out, &told)?;
    out.extend_from_slice(b"\n\n");
    Ok(())
}
