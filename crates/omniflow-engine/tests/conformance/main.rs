//! The suite passes on an engine that is as naive as can be, and fails on the same engine with a bug in it.

mod planted_bugs;
mod reference;

use reference::ReferenceHarness;

omniflow_engine::conformance_suite!(ReferenceHarness::new);
omniflow_engine::conformance_crash_suite!(ReferenceHarness::new);
