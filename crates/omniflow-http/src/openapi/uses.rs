//! What each schema of the document is for, by where the document refers to it.

use crate::problem;
use serde_json::Value;
use std::collections::BTreeSet;

/// The names of schemas by their use. What is in neither is in answers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Uses {
    /// In requests, where what may be left out is left out, and what is not known is refused.
    pub(super) sent: BTreeSet<String>,
    /// In problem documents, which have some fields only sometimes.
    pub(super) problems: BTreeSet<String>,
}

impl Uses {
    /// Those of a document's schemas.
    pub(super) fn of(document: &Value) -> Self {
        let mut uses = Self::default();
        let items = document["paths"].as_object().into_iter().flatten();
        for (_, operation) in items.filter_map(|(_, item)| item.as_object()).flatten() {
            gather(&operation["requestBody"], document, &mut uses.sent);
            for (_, response) in operation["responses"].as_object().into_iter().flatten() {
                gather(&response["content"][problem::MEDIA_TYPE], document, &mut uses.problems);
            }
        }
        uses
    }
}

/// Adds the schemas that a part of a document refers to, and those that they refer to.
fn gather(part: &Value, document: &Value, names: &mut BTreeSet<String>) {
    match part {
        Value::Object(object) => {
            let reference = object.get("$ref").and_then(Value::as_str);
            if let Some(name) = reference.and_then(|path| path.strip_prefix("#/components/schemas/"))
                && names.insert(name.to_owned())
            {
                gather(&document["components"]["schemas"][name], document, names);
            }
            object.values().for_each(|part| gather(part, document, names));
        }
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, document, names)),
        _ => {}
    }
}
