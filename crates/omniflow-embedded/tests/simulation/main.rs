//! A seeded simulation: random clients, providers that fail in every way, a clock that jumps, and crashes
//! at any moment, also with requests under way. After every step the invariants are checked; at the end
//! everything must come to rest.
//!
//! `OMNIFLOW_SEEDS=1000` runs more seeds, `OMNIFLOW_SEED=n` one of them. A failure names its seed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic wherever it is")]

mod checks;
mod world;

use world::World;

/// Steps of one run.
const STEPS: u32 = 120;

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    match number("OMNIFLOW_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("OMNIFLOW_SEEDS").unwrap_or(24)).collect(),
    }
}

/// Says which seed was running when a check failed.
struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "run it again alone: OMNIFLOW_SEED={} cargo test -p omniflow-embedded --test simulation",
                self.0
            );
        }
    }
}

#[tokio::test]
async fn whatever_happens_the_invariants_hold() {
    let mut ended = std::collections::BTreeMap::<&str, u32>::new();
    for seed in seeds() {
        let _running = Running(seed);
        let mut world = World::new(seed).await;
        for _ in 0..STEPS {
            world.step().await;
            checks::after_a_step(&mut world).await;
        }
        world.come_to_rest().await;
        for kind in checks::at_rest(&mut world).await {
            *ended.entry(kind.as_str()).or_default() += 1;
        }
    }
    if seeds().len() > 10 {
        let missing: Vec<&str> = ["completed", "expired", "rejected", "cancelled", "failed"]
            .into_iter()
            .filter(|kind| !ended.contains_key(kind))
            .collect();
        assert!(missing.is_empty(), "the simulation never reached {missing:?}: {ended:?}");
    }
}
