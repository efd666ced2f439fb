//! What the writer has taken from the queue and not decided yet.

use crate::key::OrderKey;
use crate::queue::Job;
use omniflow_engine::{Busy, Error};
use std::collections::VecDeque;

/// The most jobs of one commit: bounds its time and memory.
const BATCH: usize = 2_048;

/// Jobs in the order in which they came, timers that are due beside them.
#[derive(Default)]
pub(crate) struct Backlog {
    jobs: VecDeque<(Job, Busy)>,
    due: VecDeque<(VecDeque<OrderKey>, Busy)>,
}

impl Backlog {
    /// Whether there is nothing to do.
    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_empty() && self.due.is_empty()
    }

    /// Whether only timers are left, which the next start would find on disk.
    pub(crate) fn can_stop(&self) -> bool {
        self.jobs.is_empty()
    }

    /// How many jobs and due timers it has.
    pub(crate) fn len(&self) -> usize {
        self.jobs.len() + self.due.iter().map(|(keys, _)| keys.len()).sum::<usize>()
    }

    /// Takes over what came, and leaves `jobs` empty.
    pub(crate) fn extend(&mut self, jobs: &mut Vec<(Job, Busy)>) {
        self.jobs.extend(jobs.drain(..));
    }

    /// The next jobs in the order in which they came. Timers that are due come as one long job; a bounded
    /// part of it goes into each batch, so that clients are served in between.
    pub(crate) fn next_batch(&mut self) -> Vec<(Job, Busy)> {
        let mut batch = Vec::with_capacity(self.jobs.len().min(BATCH) + 1);
        if let Some((keys, busy)) = self.due.front_mut() {
            let part = keys.drain(..keys.len().min(BATCH / 2)).collect();
            batch.push((Job::Due(part), busy.clone()));
            if keys.is_empty() {
                self.due.pop_front();
            }
        }
        while batch.len() < BATCH
            && let Some((job, busy)) = self.jobs.pop_front()
        {
            match job {
                Job::Due(more) => {
                    self.due.push_back((more, busy));
                    break;
                }
                job => batch.push((job, busy)),
            }
        }
        batch
    }

    /// Answers all who wait that nothing was done.
    pub(crate) fn refuse(self, reason: &str) {
        for (job, _) in self.jobs {
            job.refuse(Error::Unavailable(reason.to_owned()));
        }
    }
}
