//! How what a server says is shown.

use super::{Answer, Call, Client, Error, Language, Table, note, print, query};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// As text for people in their language, or as it came.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(crate) json: bool,
    pub(crate) language: Language,
}

/// How far a list is shown.
pub(crate) struct Paging {
    /// Where an earlier page ended.
    pub(crate) cursor: Option<String>,
    /// All pages, one after another.
    pub(crate) all: bool,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl Shown {
    /// Prints an answer: as it came, or as the text that is made of it.
    ///
    /// # Errors
    /// Where it is not what this program knows, or cannot be printed.
    pub(crate) fn answer<T: DeserializeOwned>(
        self,
        answer: &Answer,
        text: impl FnOnce(T, Language) -> String,
    ) -> Result<(), Error> {
        match self.json {
            true => print(answer.text()?),
            false => print(&text(answer.json()?, self.language)),
        }
    }

    /// Prints a list page by page, its heading once; says how to see more where there is more.
    ///
    /// # Errors
    /// As [`Client::ask`] and [`Shown::answer`].
    pub(crate) async fn pages<T: DeserializeOwned>(
        self,
        client: &Client,
        path: &str,
        filter: &[(&'static str, String)],
        paging: Paging,
        table: impl Fn(&[T], Language, bool) -> Table,
    ) -> Result<(), Error> {
        let (mut cursor, mut is_first) = (paging.cursor, true);
        loop {
            let mut pairs = filter.to_vec();
            pairs.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let answer = client.ask(&Call::get(format!("{path}{}", query(&pairs)))).await?;
            let page: Page<T> = answer.json()?;
            match self.json {
                true => print(answer.text()?)?,
                false => print(&table(&page.data, self.language, is_first).text())?,
            }
            match page.next_cursor {
                Some(next) if paging.all => (cursor, is_first) = (Some(next), false),
                Some(next) if !self.json => {
                    note(&format!("there are more: --all shows them, --cursor {next} the next page"));
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
    }
}
