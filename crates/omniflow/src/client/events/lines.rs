//! The format of server-sent events (WHATWG HTML, 9.2.6).

use std::collections::VecDeque;

/// The most bytes that one event may have.
const MAX_EVENT: usize = 1 << 20;
const TOO_LONG: &str = "an event of more than 1 MiB";

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The position to go on from; none until the stream has told one.
    pub(crate) id: Option<String>,
    /// Its type.
    pub(crate) event: String,
    /// What it says.
    pub(crate) data: String,
}

/// Makes events of the pieces in which a stream arrives.
#[derive(Debug, Default)]
pub(super) struct Reader {
    line: Vec<u8>,
    after_return: bool,
    id: Option<String>,
    event: String,
    data: Option<String>,
}

impl Reader {
    /// Reads a piece, and appends the events that are complete with it.
    ///
    /// # Errors
    /// Where an event is longer than this program keeps.
    pub(super) fn read(&mut self, piece: &[u8], ready: &mut VecDeque<Message>) -> Result<(), &'static str> {
        for byte in piece {
            let is_second_half = *byte == b'\n' && std::mem::take(&mut self.after_return);
            match byte {
                _ if is_second_half => {}
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    ready.extend(self.take(&String::from_utf8_lossy(&line)));
                }
                byte => {
                    self.after_return = false;
                    self.line.push(*byte);
                }
            }
            if self.line.len() + self.data.as_ref().map_or(0, String::len) > MAX_EVENT {
                return Err(TOO_LONG);
            }
        }
        Ok(())
    }

    /// Takes a line; an empty one completes the event, if there is one.
    fn take(&mut self, line: &str) -> Option<Message> {
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            let data = self.data.take()?;
            let event = if event.is_empty() { "message".to_owned() } else { event };
            return Some(Message { id: self.id.clone(), event, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                Some(data) => *data = format!("{data}\n{value}"),
                None => self.data = Some(value.to_owned()),
            },
            "event" => value.clone_into(&mut self.event),
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // A comment, the time to wait before the next try, or a field of a later version.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nid: 7\nevent: shipped\ndata: {\"a\":1}\n\ndata\r\ndata: 二\r\n\r\nid: 9\rdata:x\r\r";

    fn expected() -> [Message; 3] {
        let message = |id: &str, event: &str, data: &str| Message {
            id: Some(id.to_owned()),
            event: event.to_owned(),
            data: data.to_owned(),
        };
        [message("7", "shipped", "{\"a\":1}"), message("7", "message", "\n二"), message("9", "message", "x")]
    }

    #[test]
    fn events_are_read_however_they_are_cut() {
        for size in 1..=STREAM.len() {
            let (mut reader, mut ready) = (Reader::default(), VecDeque::new());
            for piece in STREAM.as_bytes().chunks(size) {
                reader.read(piece, &mut ready).unwrap();
            }
            assert_eq!(ready, expected(), "pieces of {size}");
        }
    }

    #[test]
    fn an_event_that_is_not_complete_is_none() {
        let (mut reader, mut ready) = (Reader::default(), VecDeque::new());
        reader.read(b"id: 1\ndata: x\n", &mut ready).unwrap();
        assert!(ready.is_empty());
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let (mut reader, mut ready) = (Reader::default(), VecDeque::new());
        let piece = [b'x'; 4096];
        let read = (0..=MAX_EVENT / 4096).try_for_each(|_| reader.read(&piece, &mut ready));
        assert_eq!(read, Err(TOO_LONG));
    }
}
