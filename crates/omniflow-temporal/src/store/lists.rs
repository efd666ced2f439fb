//! Lists, newest first.
//!
//! A place is the moment of placing in milliseconds, shifted by 20 bits, and a number that tells orders of
//! one moment apart. So the order of a list, its cursors and its bounds in time are ranges of one column, the
//! last of every index: each part of a list is read newest first and no further than the limit, and the parts
//! are merged. The cost does not depend on how many orders there are.

use super::claim::first_place;
use super::{Store, StoreError, record};
use omniflow_core::{Order, OrderId, PaymentStatus, StateKind};
use omniflow_engine::{CursorSeal, Filter, Listing, Page};
use std::ops::Range;
use std::sync::Arc;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

const ALL: &str = "
    SELECT id, place, record_format, record FROM orders
    WHERE acknowledged AND place >= $1 AND place < $2 ORDER BY place DESC LIMIT $3";

const BY_EXTERNAL_ID: &str = "
    SELECT id, place, record_format, record FROM orders
    WHERE acknowledged AND external_id = ANY ($3) AND place >= $1 AND place < $2 ORDER BY place DESC";

const BY_KIND: &str = "
    SELECT orders.id, place, orders.record_format, orders.record
    FROM (
        SELECT part.place
        FROM unnest($4::text[], $5::text[], $6::boolean[]) kind (state, payment_status, attention)
        CROSS JOIN LATERAL (
            SELECT place FROM orders
            WHERE acknowledged AND state = kind.state AND payment_status = kind.payment_status
              AND attention = kind.attention AND place >= $1 AND place < $2
            ORDER BY place DESC LIMIT $3
        ) part
        ORDER BY part.place DESC LIMIT $3
    ) page JOIN orders USING (place)
    ORDER BY place DESC";

const BY_CUSTOMER: &str = "
    SELECT orders.id, place, orders.record_format, orders.record
    FROM (
        SELECT part.place
        FROM unnest($4::text[], $5::text[], $6::boolean[]) kind (state, payment_status, attention)
        CROSS JOIN unnest($7::text[]) customer (id)
        CROSS JOIN LATERAL (
            SELECT place FROM orders
            WHERE acknowledged AND customer_id = customer.id AND state = kind.state
              AND payment_status = kind.payment_status AND attention = kind.attention
              AND place >= $1 AND place < $2
            ORDER BY place DESC LIMIT $3
        ) part
        ORDER BY part.place DESC LIMIT $3
    ) page JOIN orders USING (place)
    ORDER BY place DESC";

/// Every kind of order that a filter admits, column by column.
struct Kinds {
    states: Vec<&'static str>,
    payment_statuses: Vec<&'static str>,
    attention: Vec<bool>,
}

impl Kinds {
    fn admitted(filter: &Filter) -> Self {
        let mut kinds = Self { states: vec![], payment_statuses: vec![], attention: vec![] };
        let of_state = |state: &&StateKind| filter.states.is_empty() || filter.states.contains(state);
        let of_payment = |status: &&PaymentStatus| {
            filter.payment_statuses.is_empty() || filter.payment_statuses.contains(status)
        };
        for state in StateKind::ALL.iter().filter(of_state) {
            for status in PaymentStatus::ALL.iter().filter(of_payment) {
                for attention in [false, true] {
                    if filter.attention.is_none_or(|wanted| wanted == attention) {
                        kinds.states.push(state.as_str());
                        kinds.payment_statuses.push(status.as_str());
                        kinds.attention.push(attention);
                    }
                }
            }
        }
        kinds
    }
}

impl Store {
    /// Acknowledged orders that a filter admits, newest first, as they stand.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`], and [`ForeignCursor`](omniflow_engine::Error::ForeignCursor) as
    /// [`StoreError::Refused`].
    pub async fn list(&self, page: &Page) -> Result<Listing, StoreError> {
        let seal = self.seal().await?;
        let after = page.after.as_ref().map(|cursor| seal.open(cursor, &page.filter)).transpose()?;
        // One more tells whether there is another part.
        let most = page.limit.saturating_add(1);
        let rows = self.listed(&page.filter, range(&page.filter, after), most).await?;
        let mut listed = vec![];
        for row in &rows {
            if let Some(order) = self.listed_order(row).await?
                && page.filter.admits(&order)
            {
                listed.push((row.get::<_, i64>(1), Arc::new(order)));
            }
        }
        // Where one could not be read, the next part begins behind all that were looked at.
        let looked_at = rows.last().filter(|_| rows.len() == most).map(|row| row.get(1));
        let next = if listed.len() > page.limit {
            listed.truncate(page.limit);
            listed.last().map(|(place, _)| *place)
        } else {
            looked_at.filter(|_| page.filter.external_ids.is_empty())
        };
        Ok(Listing {
            orders: listed.into_iter().map(|(_, order)| order).collect(),
            next: next.map(|place| seal.seal(place, &page.filter)),
        })
    }

    async fn listed(
        &self,
        filter: &Filter,
        places: Range<i64>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let customers: Vec<&str> = filter.customer_ids.iter().map(|id| id.as_str()).collect();
        let external_ids: Vec<&str> = filter.external_ids.iter().map(|id| id.as_str()).collect();
        let Kinds { states, payment_statuses, attention } = &Kinds::admitted(filter);
        let of_any_kind =
            filter.states.is_empty() && filter.payment_statuses.is_empty() && filter.attention.is_none();
        let (from, to): (&(dyn ToSql + Sync), &(dyn ToSql + Sync)) = (&places.start, &places.end);
        if !external_ids.is_empty() {
            self.connections.rows(BY_EXTERNAL_ID, &[from, to, &external_ids]).await
        } else if !customers.is_empty() {
            let values: [&(dyn ToSql + Sync); 7] =
                [from, to, &limit, states, payment_statuses, attention, &customers];
            self.connections.rows(BY_CUSTOMER, &values).await
        } else if of_any_kind {
            self.connections.rows(ALL, &[from, to, &limit]).await
        } else {
            self.connections.rows(BY_KIND, &[from, to, &limit, states, payment_statuses, attention]).await
        }
    }

    /// A listed order. One that cannot be read is left out and logged, so that it hides no other.
    async fn listed_order(&self, row: &Row) -> Result<Option<Order>, StoreError> {
        if let Some(order) = record::decode(row.get(2), row.get(3)) {
            return Ok(Some(order));
        }
        let id: &str = row.get(0);
        let Ok(order_id) = OrderId::new(id) else { return Ok(None) };
        match self.rebuilt(&order_id).await {
            Ok(stored) => Ok(stored.map(|stored| stored.order)),
            Err(StoreError::Diverged(error)) => {
                tracing::error!(order_id = id, error, "an order cannot be listed");
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The seal of this store's cursors: its secret was made once, with the tables.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn seal(&self) -> Result<CursorSeal, StoreError> {
        let read = || async {
            let sql = "SELECT value FROM meta WHERE name = 'cursor_secret'";
            let rows = self.connections.rows(sql, &[]).await?;
            let missing = || StoreError::Diverged("the secret of cursors is missing".to_owned());
            let secret: i64 = rows.first().ok_or_else(missing)?.get(0);
            Ok(CursorSeal::new(secret.to_be_bytes()))
        };
        self.seal.get_or_try_init(read).await.cloned()
    }
}

/// The places that a filter's times and a cursor leave.
fn range(filter: &Filter, after: Option<i64>) -> Range<i64> {
    let start = filter.created_after.map_or(i64::MIN, |at| first_place(at.plus_millis(1)));
    let end = filter.created_before.map_or(i64::MAX, first_place);
    start..after.map_or(end, |after| after.min(end))
}
