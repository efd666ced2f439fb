//! Messages that follow one another, written once for all who read them.

use super::message;
use axum::body::Bytes;
use omniflow_engine::{FeedEntry, Position};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What a chunk has at most, or else one message: readers that wait to be written to keep theirs.
const MOST_BYTES: usize = 128 * 1024;

/// The messages after a place, without a gap.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    after: Position,
    /// Each message's place, and where it ends.
    ends: Arc<[(Position, usize)]>,
    bytes: Bytes,
}

/// What a reader takes at once, which all who read it share, and the place it has reached then.
pub(super) type Part = (Vec<Bytes>, Position);

impl Chunk {
    /// The messages of the first of these events, which are all that come after a place.
    pub(super) fn of(after: Position, entries: Vec<FeedEntry>) -> Self {
        let mut bytes = Vec::with_capacity(entries.len() * 640);
        let mut ends = Vec::with_capacity(entries.len());
        for entry in entries {
            let position = entry.position;
            message::write(entry, &mut bytes);
            ends.push((position, bytes.len()));
            if bytes.len() >= MOST_BYTES {
                break;
            }
        }
        Self { after, ends: ends.into(), bytes: bytes.into() }
    }

    /// The place of its last message.
    pub(super) fn last(&self) -> Position {
        self.ends.last().map_or(self.after, |(position, _)| *position)
    }

    /// All of its messages.
    pub(super) fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// Whole messages after a place, of `most` bytes or else one; `None` where there is none.
    pub(super) fn piece_after(&self, place: Position, most: usize) -> Option<(Bytes, Position)> {
        let seen = self.ends.partition_point(|(position, _)| *position <= place);
        let begin = seen.checked_sub(1).map_or(0, |before| self.ends[before].1);
        let taken = self.ends.partition_point(|(_, end)| *end <= begin + most).max(seen + 1);
        let (reached, end) = *self.ends.get(taken - 1)?;
        Some((self.bytes.slice(begin..end), reached))
    }
}

/// Chunks that are kept, the oldest of them only as long as there is room.
#[derive(Debug)]
pub(super) struct Shelf {
    by_place: BTreeMap<Position, Chunk>,
    oldest_first: VecDeque<Position>,
    bytes: usize,
    most_bytes: usize,
}

impl Shelf {
    /// A shelf for so many bytes.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { by_place: BTreeMap::new(), oldest_first: VecDeque::new(), bytes: 0, most_bytes }
    }

    /// Puts a chunk there; the last one put is always kept.
    pub(super) fn put(&mut self, chunk: Chunk) {
        let place = chunk.after;
        self.bytes += chunk.bytes.len();
        match self.by_place.insert(place, chunk) {
            Some(replaced) => self.bytes -= replaced.bytes.len(),
            None => self.oldest_first.push_back(place),
        }
        while self.bytes > self.most_bytes && self.oldest_first.len() > 1 {
            let oldest = self.oldest_first.pop_front();
            let oldest = oldest.and_then(|oldest| self.by_place.remove(&oldest));
            self.bytes -= oldest.map_or(0, |chunk| chunk.bytes.len());
        }
    }

    /// The messages after a place, of `most` bytes or else one, from as many chunks as follow one another.
    pub(super) fn part_after(&self, place: Position, most: usize) -> Option<Part> {
        let (first, mut reached) = self.piece_after(place, most)?;
        let mut left = most.saturating_sub(first.len());
        let mut pieces = vec![first];
        while let Some((next, further)) =
            self.piece_after(reached, left).filter(|(next, _)| next.len() <= left)
        {
            left -= next.len();
            pieces.push(next);
            reached = further;
        }
        Some((pieces, reached))
    }

    /// A chunk that has the messages after a place.
    pub(super) fn chunk_after(&self, place: Position) -> Option<&Chunk> {
        let (_, chunk) = self.by_place.range(..=place).next_back()?;
        (chunk.last() > place).then_some(chunk)
    }

    fn piece_after(&self, place: Position, most: usize) -> Option<(Bytes, Position)> {
        self.chunk_after(place)?.piece_after(place, most)
    }
}
