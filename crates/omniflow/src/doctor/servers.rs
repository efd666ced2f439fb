//! The servers of the Temporal engine, as a process with this configuration here would reach them.

use super::finding::{Finding, Findings};
use crate::server::{Servers, temporal};

pub(super) async fn examine(servers: &Servers, findings: &mut Findings) {
    for (name, sign) in temporal::signs_of_life(servers).await {
        findings.add(match sign {
            Ok(found) => Finding::well(name, &found),
            Err(found) => Finding::missing(name, &found, mend(name)),
        });
    }
}

fn mend(name: &str) -> &'static str {
    match name {
        "Temporal" => {
            "start it, or name another with TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; those who are let in by a \
             key or a certificate set TEMPORAL_API_KEY or TEMPORAL_TLS_..."
        }
        _ => "start it, or correct `url` under [postgres] or OMNIFLOW_POSTGRES_URL",
    }
}
