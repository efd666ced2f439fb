//! The file, part by part, against the table of keys.

use super::keys::{KEYS, Key, THRESHOLDS};
use super::nearest;
use super::slot::{Given, Slot};
use super::{Config, Mistake, Source};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Takes over what a file says, and tells every mistake in it. Answers whether it could be read to its end.
pub(crate) fn read(text: &str, config: &mut Config, mistakes: &mut Vec<Mistake>) -> bool {
    let (table, faults) = DeTable::parse_recoverable(text);
    let lines = Lines(text);
    if !faults.is_empty() {
        // What follows a part that cannot be read may be misunderstood: that is told when this is mended.
        mistakes.extend(faults.iter().map(|fault| {
            let span = fault.span().unwrap_or(0..0);
            let repeated =
                (fault.message() == "duplicate key").then(|| lines.repeated(&span, table.get_ref()));
            lines.mistake(span, repeated.flatten().unwrap_or_else(|| fault.message().to_owned()))
        }));
        return false;
    }
    let mut found = vec![];
    walk("", table.get_ref(), &lines, config, &mut found);
    found.sort_by_key(|(line, _)| *line);
    mistakes.extend(found.into_iter().map(|(line, text)| Mistake { at: Some(Source::Line(line)), text }));
    true
}

/// Tells which of the keys that somebody must write are nowhere.
pub(crate) fn name_missing(config: &mut Config, mistakes: &mut Vec<Mistake>) {
    for key in KEYS {
        let word = match (key.slot)(config) {
            Slot::Word { written: None, word, .. } => word,
            Slot::Engine { written: None, .. } => "embedded",
            _ => continue,
        };
        let text = format!("`{}` is missing: write {}", key.path, assignment(key, word));
        mistakes.push(Mistake { at: None, text });
    }
}

fn assignment(key: &Key, word: &str) -> String {
    let (table, name) = (key.table(), key.name());
    if table.is_empty() {
        format!("{name} = \"{word}\"")
    } else {
        format!("{name} = \"{word}\" under [{table}]")
    }
}

fn walk(
    prefix: &str,
    table: &DeTable<'_>,
    lines: &Lines<'_>,
    config: &mut Config,
    found: &mut Vec<(usize, String)>,
) {
    for (name, value) in table {
        let line = lines.of(name.span());
        let path = if prefix.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{prefix}.{}", name.get_ref())
        };
        if let Some(key) = KEYS.iter().find(|key| key.path == path && path != THRESHOLDS) {
            let taken = (key.slot)(config).take(given(value), "");
            found.extend(taken.err().map(|fault| (line, format!("`{path}` {fault}"))));
            continue;
        }
        let is_table = KEYS.iter().any(|key| key.path == path || key.path.starts_with(&format!("{path}.")));
        match value.get_ref().as_table() {
            Some(amounts) if path == THRESHOLDS => thresholds(amounts, lines, config, found),
            Some(inner) if is_table => walk(&path, inner, lines, config, found),
            None if is_table => {
                found.push((line, format!("`{path}` is a table: write [{path}] and its keys below")))
            }
            _ => found.push((line, nearest::unknown(&path))),
        }
    }
}

fn thresholds(table: &DeTable<'_>, lines: &Lines<'_>, config: &mut Config, found: &mut Vec<(usize, String)>) {
    for (code, value) in table {
        let slot = Slot::Amounts(&mut config.settings.policies.review_thresholds);
        if let Err(fault) = slot.take(given(value), code.get_ref()) {
            found.push((lines.of(code.span()), format!("`{THRESHOLDS}.{}` {fault}", code.get_ref())));
        }
    }
}

fn given<'v>(value: &'v Spanned<DeValue<'_>>) -> Given<'v> {
    match value.get_ref() {
        DeValue::String(text) => Given::Text(text),
        DeValue::Boolean(on) => Given::Switch(*on),
        DeValue::Integer(number) => Given::Number(number.as_str(), number.radix()),
        DeValue::Float(number) => Given::Number(number.as_str(), 10),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => Given::Other,
    }
}

/// Where in a text something is, for people.
struct Lines<'t>(&'t str);

impl Lines<'_> {
    /// The line on which a part begins, from 1.
    fn of(&self, span: Range<usize>) -> usize {
        let before = self.0.as_bytes().get(..span.start).unwrap_or(self.0.as_bytes());
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// What to say of a key that is there already.
    fn repeated(&self, span: &Range<usize>, table: &DeTable<'_>) -> Option<String> {
        let path = self.path_at(span)?;
        let here = self.of(span.clone());
        let first = self.line_of_key(&path, table).filter(|first| *first != here);
        let first = first.or_else(|| self.line_of_table(&path, here));
        let place = first.map_or(String::new(), |line| format!(", on line {line}"));
        Some(format!("`{path}` is there already{place}: keep one of the two"))
    }

    /// The key that ends where `span` does, with the table under whose heading it is.
    fn path_at(&self, span: &Range<usize>) -> Option<String> {
        let line = self.0.get(..span.start)?.rfind('\n').map_or(0, |end| end + 1);
        let written = self.0.get(line..span.end)?.trim();
        if written.contains(['[', '{', ',']) {
            return written.rsplit(['[', '{', ',']).next().map(|name| name.trim().to_owned());
        }
        let above = self.0.get(..line)?.lines().rev();
        let heading = above.filter_map(|line| line.trim_start().strip_prefix('[')?.split(']').next()).next();
        Some(heading.map_or(written.to_owned(), |table| format!("{}.{written}", table.trim())))
    }

    /// The first line above that is a table's heading, or one of its keys.
    fn line_of_table(&self, path: &str, here: usize) -> Option<usize> {
        let mut above = self.0.lines().take(here - 1);
        let is_of_it = |line: &str| {
            let rest = line.trim_start().trim_start_matches('[').strip_prefix(path);
            rest.is_some_and(|rest| rest.starts_with([']', '.']))
        };
        above.position(is_of_it).map(|line| line + 1)
    }

    fn line_of_key(&self, path: &str, table: &DeTable<'_>) -> Option<usize> {
        let (name, inner) = path.split_once('.').map_or((path, None), |(name, inner)| (name, Some(inner)));
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        match inner {
            Some(inner) => self.line_of_key(inner, value.get_ref().as_table()?),
            None => Some(self.of(key.span())),
        }
    }

    fn mistake(&self, span: Range<usize>, text: String) -> Mistake {
        Mistake { at: Some(Source::Line(self.of(span))), text }
    }
}
