//! The right key for one that is wrong.

use super::keys::{KEYS, LATER};

/// What to say of a key that is none.
pub(crate) fn unknown(path: &str) -> String {
    if LATER.iter().any(|later| path == *later || path.starts_with(&format!("{later}."))) {
        return format!("`{path}` comes with a later version; take it out");
    }
    let parents = KEYS.iter().flat_map(|key| key.path.match_indices('.').map(|(at, _)| &key.path[..at]));
    let candidates = KEYS.iter().map(|key| key.path).chain(parents);
    let best = candidates.max_by(|one, other| likeness(path, one).total_cmp(&likeness(path, other)));
    match best {
        Some(best) => format!("there is no `{path}`; did you mean `{best}`?"),
        None => format!("there is no `{path}`"),
    }
}

/// How much two keys are alike: as they are, or by their last parts, where a key is in another table.
fn likeness(wrong: &str, right: &str) -> f64 {
    let last = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let same_table =
        wrong.rsplit_once('.').map(|split| split.0) == right.rsplit_once('.').map(|split| split.0);
    let by_last = strsim::jaro_winkler(&last(wrong), &last(right));
    let whole = strsim::jaro_winkler(wrong, right);
    // Of equals, the one in the table where the wrong one is.
    whole.max(by_last - 0.01) + if same_table { by_last } else { 0.5 * by_last }
}
