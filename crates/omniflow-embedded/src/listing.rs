//! Lists: which orders, from the projection; the orders themselves from memory or disk.

use crate::error::StorageError;
use crate::key::OrderKey;
use crate::listed::{Found, Listed, Reopening, Wanted, lists_file};
use crate::reader::Readers;
use crate::record::Record;
use crate::writer::Shared;
use omniflow_core::Order;
use omniflow_engine::{Error, Filter, Listing, Page};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The most rows of the log that a list is completed from.
const MOST_SINCE: usize = 65_536;

/// What reads lists.
pub(crate) struct Lists {
    file: PathBuf,
    keys: Mutex<Keys>,
    orders: Arc<Readers>,
}

/// Readers of the lists' file.
struct Keys {
    readers: Arc<Readers>,
    /// How often a file had been put aside before the one that they have open.
    put_aside: u64,
}

impl Lists {
    pub(crate) fn new(database: &Path, orders: Arc<Readers>) -> Self {
        let file = lists_file(database);
        let readers = Arc::new(Readers::new(file.clone()));
        Self { keys: Mutex::new(Keys { readers, put_aside: 0 }), file, orders }
    }

    fn readers(&self, listed: &Listed) -> Arc<Readers> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let put_aside = listed.put_aside();
        if keys.put_aside != put_aside {
            *keys = Keys { readers: Arc::new(Readers::new(self.file.clone())), put_aside };
        }
        Arc::clone(&keys.readers)
    }

    /// Has the file opened anew by whoever reads it next.
    fn forget_readers(&self) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.readers = Arc::new(Readers::new(self.file.clone()));
    }

    /// A part of a list. What was acknowledged before is in it.
    pub(crate) async fn list(&self, shared: &Shared, page: Page) -> Result<Listing, Error> {
        let Page { filter, after, limit } = page;
        let seal = shared.seal()?;
        let after = after.map(|cursor| seal.open(&cursor, &filter)).transpose()?;
        let mut keys =
            self.keys(shared, &filter, range(&filter, after), limit + 1).await.map_err(unreadable)?;
        let more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| more).map(|key| seal.seal(key.0, &filter));
        let mut orders = self.orders(shared, keys).await.map_err(unreadable)?;
        // One that changed since its key was read is in another list now.
        orders.retain(|order| filter.admits(order));
        Ok(Listing { orders, next })
    }

    async fn keys(
        &self,
        shared: &Shared,
        filter: &Filter,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<OrderKey>, StorageError> {
        if filter.external_ids.is_empty() {
            return self.listed(shared, filter, range, limit).await;
        }
        let ids = filter.external_ids.iter().cloned().collect();
        let mut keys = self.orders.holders(ids).await?;
        keys.retain(|key| range.contains(&key.0));
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.truncate(limit);
        Ok(keys)
    }

    /// Keys from the projection. Where it cannot be read it is opened again, and made anew if it must be;
    /// where it cannot follow the log for want of room, the rest is read from there.
    async fn listed(
        &self,
        shared: &Shared,
        filter: &Filter,
        range: Range<i64>,
        limit: usize,
    ) -> Result<Vec<OrderKey>, StorageError> {
        let position = *shared.position.borrow();
        let wanted = Wanted { filter: filter.clone(), range, limit };
        match shared.listed.up_to(position).await {
            Err(error) if error.lacks_room() => return self.so_far_and_since(shared, wanted).await,
            followed => followed?,
        }
        match self.held_to(shared, position, wanted.clone()).await {
            Ok(keys) => return Ok(keys),
            Err(error) => {
                tracing::error!(%error, "the lists cannot be read; opening them again");
                self.forget_readers();
                shared.listed.reopen(Reopening::after(&error));
            }
        }
        shared.listed.up_to(position).await?;
        self.held_to(shared, position, wanted).await
    }

    /// Keys from lists that hold the log up to here. A file that was put aside for a new one does not.
    async fn held_to(
        &self,
        shared: &Shared,
        position: u64,
        wanted: Wanted,
    ) -> Result<Vec<OrderKey>, StorageError> {
        let readers = self.readers(&shared.listed);
        let Found { keys, held } = readers.listed(wanted).await?;
        if held < position {
            return Err(StorageError::Diverged(format!("the lists end at {held}, the log at {position}")));
        }
        Ok(keys)
    }

    /// Keys from lists that cannot follow the log on a full disk, and those that the log has after them.
    async fn so_far_and_since(&self, shared: &Shared, wanted: Wanted) -> Result<Vec<OrderKey>, StorageError> {
        let readers = self.readers(&shared.listed);
        let Found { mut keys, held } = readers.listed(wanted.clone()).await?;
        let Wanted { filter, range, limit } = wanted;
        let since = self.orders.changed_after(held, MOST_SINCE).await?;
        let mut since = since.ok_or_else(|| {
            StorageError::Diverged(format!("the lists end at {held}, too far behind the log"))
        })?;
        since.retain(|key| range.contains(&key.0));
        let orders = self.orders(shared, since).await?;
        let admitted = orders.iter().filter(|order| filter.admits(order));
        keys.extend(admitted.filter_map(|order| OrderKey::of(&order.id)));
        keys.sort_unstable_by(|a, b| b.cmp(a));
        keys.dedup();
        keys.truncate(limit);
        Ok(keys)
    }

    /// These orders, in this order.
    async fn orders(&self, shared: &Shared, keys: Vec<OrderKey>) -> Result<Vec<Arc<Order>>, StorageError> {
        let mut found = HashMap::with_capacity(keys.len());
        let mut absent = vec![];
        for key in &keys {
            match shared.table.get(*key) {
                Some(encoded) => drop(found.insert(*key, Record::decode(&encoded)?)),
                None => absent.push(*key),
            }
        }
        if !absent.is_empty() {
            found.extend(self.stored(absent).await?);
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).map(|record| Arc::new(record.order)).collect())
    }

    /// Records from disk. One that cannot be read is left out and logged, so that it hides no other.
    async fn stored(&self, keys: Vec<OrderKey>) -> Result<Vec<(OrderKey, Record)>, StorageError> {
        match self.orders.records(keys.clone()).await {
            Err(StorageError::Record(_)) => {}
            read => return read,
        }
        let mut found = vec![];
        for key in keys {
            match self.orders.record(key).await {
                Ok(record) => found.extend(record.map(|record| (key, record))),
                Err(StorageError::Record(error)) => {
                    tracing::error!(key = key.0, %error, "an order cannot be listed; run `omniflow verify`");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// The keys that a filter's times and a cursor leave.
fn range(filter: &Filter, after: Option<i64>) -> Range<i64> {
    let start = filter.created_after.map_or(0, |at| OrderKey::first_at(at.plus_millis(1)).0);
    let before = filter.created_before.map_or(i64::MAX, |at| OrderKey::first_at(at).0);
    start..after.unwrap_or(i64::MAX).min(before)
}

fn unreadable(error: StorageError) -> Error {
    tracing::error!(%error, "a list cannot be read");
    Error::Unavailable("its lists cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn a_file_that_was_put_aside_is_not_read_any_more() {
        let directory = tempfile::tempdir().unwrap();
        let database = schema::database_file(directory.path());
        drop(schema::open_writer(&database).unwrap());
        let listed = Listed::new(database.clone());
        listed.renew(Reopening::AsItIs).unwrap();
        let lists = Lists::new(&database, Arc::new(Readers::new(database.clone())));
        let first = lists.readers(&listed);
        listed.renew(Reopening::AsItIs).unwrap();
        assert!(Arc::ptr_eq(&first, &lists.readers(&listed)), "it is the same file");
        listed.renew(Reopening::Anew).unwrap();
        assert!(!Arc::ptr_eq(&first, &lists.readers(&listed)));
    }
}
