//! Lists: every order looked at, every time.

use super::Bug;
use super::engine::ReferenceEngine;
use omniflow_core::Order;
use omniflow_engine::{CursorSeal, Error, Filter, Listing, Page};
use std::collections::BTreeSet;
use std::sync::Arc;

const SEAL: CursorSeal = CursorSeal::new(*b"a secret");
const OTHER_SEAL: CursorSeal = CursorSeal::new(*b"another!");

impl ReferenceEngine {
    pub(super) fn list_now(&self, page: &Page) -> Result<Listing, Error> {
        let (bug, state) = (self.0.bug, self.0.lock());
        let seal = if bug == Some(Bug::CursorsDieAtRestart) && state.restarted { OTHER_SEAL } else { SEAL };
        // What a cursor is sealed for.
        let sealed =
            if bug == Some(Bug::CursorsOpenAnywhere) { Filter::default() } else { page.filter.clone() };
        let mut orders: Vec<Arc<Order>> = state.orders.values().cloned().collect();
        orders.sort_by(|a, b| b.id.as_str().cmp(a.id.as_str()));
        if bug == Some(Bug::ListsLag) && state.last_changed.is_some() {
            orders.retain(|order| Some(&order.id) != state.last_changed.as_ref());
        }
        // A cursor is the number of older orders, which no new order changes.
        let all = orders.len();
        let mut places: Vec<(usize, Arc<Order>)> = (1..=all).rev().zip(orders).collect();
        places.retain(|(_, order)| admits(&page.filter, order, bug));
        if bug == Some(Bug::ListsOldestFirst) {
            places.reverse();
        }
        let after = page.after.as_ref().map(|cursor| seal.open(cursor, &sealed)).transpose()?;
        let from = match after.map(|after| usize::try_from(after).unwrap()) {
            None => 0,
            Some(after) if bug == Some(Bug::CursorsShift) => after,
            Some(after) => places.iter().filter(|(place, _)| *place >= after).count(),
        };
        let to = places.len().min(from + page.limit);
        let next = (to < places.len()).then(|| {
            let next = if bug == Some(Bug::CursorsShift) { to } else { places[to - 1].0 };
            seal.seal(i64::try_from(next).unwrap(), &sealed)
        });
        Ok(Listing { orders: places.drain(from..to).map(|(_, order)| order).collect(), next })
    }
}

fn admits(filter: &Filter, order: &Order, bug: Option<Bug>) -> bool {
    let mut filter = filter.clone();
    match bug {
        Some(Bug::FiltersMeanOr) => return any_part_admits(&filter, order),
        Some(Bug::OneValueCounts) => {
            only_first(&mut filter.states);
            only_first(&mut filter.payment_statuses);
            only_first(&mut filter.customer_ids);
            only_first(&mut filter.external_ids);
        }
        Some(Bug::AttentionIsIgnored) => filter.attention = None,
        Some(Bug::BoundsAreInside) => {
            let at = Some(order.created_at);
            filter.created_after = filter.created_after.filter(|_| filter.created_after != at);
            filter.created_before = filter.created_before.filter(|_| filter.created_before != at);
        }
        _ => {}
    }
    filter.admits(order)
}

fn only_first<T: Ord>(values: &mut BTreeSet<T>) {
    while values.len() > 1 {
        values.pop_last();
    }
}

fn any_part_admits(filter: &Filter, order: &Order) -> bool {
    let none = Filter::default();
    let parts = [
        Filter { states: filter.states.clone(), ..none.clone() },
        Filter { payment_statuses: filter.payment_statuses.clone(), ..none.clone() },
        Filter { customer_ids: filter.customer_ids.clone(), ..none.clone() },
        Filter { external_ids: filter.external_ids.clone(), ..none.clone() },
        Filter { attention: filter.attention, ..none.clone() },
        Filter { created_after: filter.created_after, ..none.clone() },
        Filter { created_before: filter.created_before, ..none.clone() },
    ];
    *filter == none || parts.iter().any(|part| *part != none && part.admits(order))
}
