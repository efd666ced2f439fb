//! What the simulated providers have taken: one JSON object a line, written before it is answered.

use super::ProviderName;
use omniflow_core::{Currency, EffectId, Money, ReasonText, Reference, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a provider did with an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It has done it.
    Done,
    /// It has accepted it and will report.
    Accepted,
    /// It has refused it for good.
    Refused,
    /// It has reported as done what it had accepted.
    Reported,
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
    /// Who.
    pub provider: ProviderName,
    /// With which effect.
    pub effect_id: EffectId,
    /// How much was given back, for refunds.
    pub amount: Option<Money>,
    /// Where to look for the goods, for shipments that were done.
    pub tracking_number: Option<Reference>,
    /// The provider's words, where it refused.
    pub reason: Option<ReasonText>,
    /// When it will be reported, where it was accepted.
    pub report_at: Option<Timestamp>,
}

/// The ledger of the simulated providers, in a file or in memory.
///
/// Each record is one `write` in append mode, so that what was answered survives the death of the process.
/// It is not synced: it is a witness for tests, and a machine that loses power is not what they test.
#[derive(Clone, Debug)]
pub struct Ledger(Arc<Place>);

#[derive(Debug)]
enum Place {
    File { path: PathBuf, file: Mutex<File> },
    Memory(Mutex<Vec<u8>>),
}

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    at: Timestamp,
    what: What,
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    effect_id: Cow<'a, str>,
    #[serde(borrow)]
    order_id: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_minor: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<Currency>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    tracking_number: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report_at: Option<Timestamp>,
}

impl Ledger {
    /// A ledger that ends with the process.
    pub fn in_memory() -> Self {
        Self(Arc::new(Place::Memory(Mutex::default())))
    }

    /// Opens a ledger, or begins it. A torn last line is cut off: it was never answered.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        cut_torn_line(&mut file)?;
        Ok(Self(Arc::new(Place::File { path: path.to_owned(), file: Mutex::new(file) })))
    }

    /// A ledger that cannot be written to.
    #[cfg(test)]
    pub(super) fn unwritable(path: &Path) -> Self {
        Self(Arc::new(Place::File { path: path.to_owned(), file: Mutex::new(File::open(path).unwrap()) }))
    }

    /// Every record, first to last. An effect that was asked for again after it was done, by an engine that
    /// did not live to hear the answer, can have more than one; it is still one effect: see [`taken`].
    ///
    /// # Errors
    /// When the file cannot be read, or a line in it is no record; a torn last line is left out.
    pub fn records(&self) -> io::Result<Vec<Record>> {
        match &*self.0 {
            Place::File { path, .. } => read_records(path),
            Place::Memory(lines) => {
                let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                collect(&lines[..], |_| true)
            }
        }
    }

    /// Records that a start must know: all but those of effects that were done at once.
    pub(super) fn unfinished(&self) -> io::Result<Vec<Record>> {
        match &*self.0 {
            Place::File { path, .. } => {
                collect(BufReader::with_capacity(1 << 16, File::open(path)?), |line| !is_done(line))
            }
            Place::Memory(_) => Ok(vec![]),
        }
    }

    /// Shows each whole line from a byte on, without its line break, and says how many bytes they have.
    pub(super) fn lines_from(&self, from: u64, each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
        match &*self.0 {
            Place::File { path, .. } => {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(from))?;
                each_line(BufReader::with_capacity(1 << 16, file), each)
            }
            Place::Memory(lines) => {
                let lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                each_line(lines.get(from..).unwrap_or_default(), each)
            }
        }
    }

    pub(super) fn append(&self, record: &Record) -> io::Result<()> {
        let mut line = Vec::with_capacity(256);
        record.write(&mut line)?;
        match &*self.0 {
            Place::File { file, .. } => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // A disk that got full in the middle of a line leaves no half of it.
                file.write_all(&line).inspect_err(|_| drop(cut_torn_line(&mut file)))
            }
            Place::Memory(lines) => {
                lines.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&line);
                Ok(())
            }
        }
    }
}

/// Reads the ledger in a file that perhaps another process writes.
///
/// # Errors
/// When the file cannot be read, or a line in it is no record; a torn last line is left out.
pub fn read_records(path: &Path) -> io::Result<Vec<Record>> {
    collect(BufReader::with_capacity(1 << 16, File::open(path)?), |_| true)
}

/// The effects that were taken, each once: done at once, or accepted. Refusals are not among them.
pub fn taken(records: &[Record]) -> Vec<&Record> {
    let mut seen = HashSet::new();
    let taken = records.iter().filter(|record| matches!(record.what, What::Done | What::Accepted));
    taken.filter(|record| seen.insert(&record.effect_id)).collect()
}

/// The most bytes that a line can have: a reason of 500 characters, each escaped, and far shorter fields.
const LONGEST_LINE: u64 = 8 * 1024;

/// Cuts off what follows the last line break.
fn cut_torn_line(file: &mut File) -> io::Result<()> {
    let len = file.metadata()?.len();
    let from = len.saturating_sub(LONGEST_LINE);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.read_to_end(&mut end)?;
    match end.iter().rposition(|byte| *byte == b'\n') {
        Some(last) if last + 1 == end.len() => Ok(()),
        Some(last) => file.set_len(from + last as u64 + 1),
        None if from == 0 => file.set_len(0),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "it does not consist of lines")),
    }
}

fn collect(lines: impl BufRead, wanted: impl Fn(&[u8]) -> bool) -> io::Result<Vec<Record>> {
    let (mut records, mut number) = (Vec::new(), 0_u64);
    each_line(lines, |line| {
        number += 1;
        if wanted(line) {
            let record = Record::read(line).ok_or_else(|| {
                let text = format!("line {number} is no record: {}", String::from_utf8_lossy(line));
                io::Error::new(io::ErrorKind::InvalidData, text)
            })?;
            records.push(record);
        }
        Ok(())
    })?;
    Ok(records)
}

/// Shows each whole line, and says how many bytes they have; a torn last line is left out.
fn each_line(mut lines: impl BufRead, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    let (mut line, mut read) = (Vec::new(), 0);
    while lines.read_until(b'\n', &mut line)? > 0 {
        let Some(whole) = line.strip_suffix(b"\n") else { break };
        each(whole)?;
        read += line.len() as u64;
        line.clear();
    }
    Ok(read)
}

/// Whether a line is of an effect that was done at once, told from its second field.
pub(super) fn is_done(line: &[u8]) -> bool {
    let second = line.iter().position(|byte| *byte == b',').map_or(line, |comma| &line[comma..]);
    second.starts_with(br#","what":"done""#)
}

impl Record {
    fn write(&self, line: &mut Vec<u8>) -> io::Result<()> {
        let fields = Line {
            at: self.at,
            what: self.what,
            provider: Cow::Borrowed(self.provider.as_str()),
            effect_id: Cow::Owned(self.effect_id.to_string()),
            order_id: Cow::Borrowed(self.effect_id.order_id.as_str()),
            amount_minor: self.amount.map(|amount| amount.minor),
            currency: self.amount.map(|amount| amount.currency),
            tracking_number: self.tracking_number.as_ref().map(|number| Cow::Borrowed(number.as_str())),
            reason: self.reason.as_ref().map(|reason| Cow::Borrowed(reason.as_str())),
            report_at: self.report_at,
        };
        serde_json::to_writer(&mut *line, &fields)?;
        line.push(b'\n');
        Ok(())
    }

    fn read(line: &[u8]) -> Option<Self> {
        let line: Line<'_> = serde_json::from_slice(line).ok()?;
        Some(Self {
            at: line.at,
            what: line.what,
            provider: ProviderName::from_word(&line.provider)?,
            effect_id: EffectId::parse(&line.effect_id)?,
            amount: line.amount_minor.zip(line.currency).map(|(minor, currency)| Money::new(minor, currency)),
            tracking_number: line
                .tracking_number
                .map(|number| Reference::new(number.as_ref()))
                .transpose()
                .ok()?,
            reason: line.reason.map(|reason| ReasonText::new(reason.as_ref())).transpose().ok()?,
            report_at: line.report_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(what: What, effect: &str) -> Record {
        Record {
            at: Timestamp::from_millis(1_767_693_600_000),
            what,
            provider: ProviderName::Payments,
            effect_id: EffectId::parse(effect).unwrap(),
            amount: Some(Money::new(50_000, Currency::USD)),
            tracking_number: None,
            reason: None,
            report_at: None,
        }
    }

    fn in_file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("providers.log");
        (dir, path)
    }

    #[test]
    fn a_line_is_readable_json() {
        let (_dir, path) = in_file();
        Ledger::open(&path).unwrap().append(&record(What::Done, "ORD-1.refund_payment-2.1")).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            concat!(
                r#"{"at":1767693600000,"what":"done","provider":"payments","#,
                r#""effect_id":"ORD-1.refund_payment-2.1","order_id":"ORD-1","#,
                r#""amount_minor":50000,"currency":"USD"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn what_is_written_reads_back_from_file_and_memory() {
        let mut full = record(What::Refused, "ORD-1.ship.3");
        full.reason = ReasonText::new("\"quoted\" 苹果").ok();
        full.tracking_number = Reference::new("TRK-1").ok();
        full.report_at = Some(Timestamp::from_millis(7));
        full.amount = None;
        let written = [record(What::Done, "ORD-1.refund_payment-1.1"), full];
        let (_dir, path) = in_file();
        for ledger in [Ledger::in_memory(), Ledger::open(&path).unwrap()] {
            for record in &written {
                ledger.append(record).unwrap();
            }
            assert_eq!(ledger.records().unwrap(), written);
        }
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_then_cut() {
        let (_dir, path) = in_file();
        Ledger::open(&path).unwrap().append(&record(What::Done, "ORD-1.ship.1")).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let torn = [&whole[..], &whole[..40]].concat();
        std::fs::write(&path, &torn).unwrap();
        assert_eq!(read_records(&path).unwrap().len(), 1);
        let ledger = Ledger::open(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        ledger.append(&record(What::Done, "ORD-2.ship.1")).unwrap();
        assert_eq!(ledger.records().unwrap().len(), 2);
    }

    #[test]
    fn a_line_in_the_middle_that_is_no_record_is_named() {
        let (_dir, path) = in_file();
        std::fs::write(&path, "{}\n").unwrap();
        assert_eq!(read_records(&path).unwrap_err().to_string(), "line 1 is no record: {}");
    }

    #[test]
    fn only_lines_that_a_start_must_know_are_read_then() {
        let (_dir, path) = in_file();
        let ledger = Ledger::open(&path).unwrap();
        for what in [What::Done, What::Accepted, What::Refused, What::Reported] {
            ledger.append(&record(what, "ORD-1.ship.1")).unwrap();
        }
        let kinds: Vec<What> = ledger.unfinished().unwrap().iter().map(|record| record.what).collect();
        assert_eq!(kinds, [What::Accepted, What::Refused, What::Reported]);
    }

    #[test]
    fn an_effect_asked_for_twice_is_taken_once() {
        let (first, again) = (record(What::Done, "ORD-1.ship.1"), record(What::Done, "ORD-1.ship.1"));
        let refused = record(What::Refused, "ORD-1.ship.2");
        let (accepted, reported) =
            (record(What::Accepted, "ORD-2.ship.1"), record(What::Reported, "ORD-2.ship.1"));
        let records = [first, refused, again, accepted, reported];
        assert_eq!(taken(&records), [&records[0], &records[3]]);
    }
}
