//! Rows of text: aligned on a terminal, tab-separated elsewhere.

use comfy_table::{ColumnConstraint, ContentArrangement, Table as Grid, presets};
use std::io::{IsTerminal as _, stdout};

/// A narrower terminal than this is not narrowed for.
const LEAST_WIDTH: u16 = 40;
/// The width where the terminal has none to tell.
const USUAL_WIDTH: u16 = 80;

/// A table with a heading.
#[derive(Debug)]
pub(crate) struct Table {
    heading: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table of these columns, of which the first is kept whole, so that an id can be copied.
    pub(crate) fn new(heading: &[&str]) -> Self {
        Self { heading: heading.iter().map(|name| (*name).to_owned()).collect(), rows: vec![] }
    }

    /// Adds a row; what would move the cursor is taken out of its cells.
    pub(crate) fn row<const N: usize>(&mut self, cells: [&str; N]) {
        self.rows.push(cells.iter().map(|cell| clean(cell)).collect());
    }

    /// The table as standard output should have it.
    pub(crate) fn text(&self) -> String {
        if is_for_people() { self.aligned(width()) } else { self.separated() }
    }

    fn separated(&self) -> String {
        let lines = std::iter::once(&self.heading).filter(|heading| !heading.is_empty()).chain(&self.rows);
        lines.map(|cells| cells.join("\t") + "\n").collect()
    }

    fn aligned(&self, width: u16) -> String {
        let mut grid = Grid::new();
        grid.load_style(presets::NOTHING);
        grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        if !self.heading.is_empty() {
            grid.set_header(self.heading.clone());
        }
        grid.add_rows(self.rows.clone());
        if let Some(first) = grid.column_mut(0) {
            first.set_constraint(ColumnConstraint::ContentWidth).set_padding((0, 1));
        }
        grid.trim_fmt() + "\n"
    }
}

/// Whether standard output is a terminal, so that a person reads it.
pub(crate) fn is_for_people() -> bool {
    stdout().is_terminal()
}

/// Text without control characters: what a server says must not command a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn width() -> u16 {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let asked = || rustix::termios::tcgetwinsize(stdout()).ok().map(|size| size.ws_col);
    columns.or_else(asked).filter(|width| *width > 0).unwrap_or(USUAL_WIDTH).max(LEAST_WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ORDER", "STATUS", "AMOUNT"]);
        table.row(["ORD-1", "⚠️ 待风控审核 (大额订单)", "20000 USD"]);
        table.row(["ORD-2", "已完成", "500\u{1b}[31m USD"]);
        table
    }

    #[test]
    fn chinese_and_emoji_line_up() {
        let text = table().aligned(80);
        let columns: Vec<usize> = text
            .lines()
            .map(|line| {
                let end = ["AMOUNT", "20000", "500"].iter().find_map(|cell| line.find(cell)).unwrap();
                // Two columns a Chinese letter and the sign; one that follows it takes none.
                line[..end]
                    .chars()
                    .map(|letter| match letter {
                        '\u{fe0f}' => 0,
                        '⚠' => 2,
                        letter if letter.is_ascii() => 1,
                        _ => 2,
                    })
                    .sum()
            })
            .collect();
        assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "{columns:?}\n{text}");
    }

    #[test]
    fn a_narrow_terminal_breaks_lines_but_no_id() {
        let mut table = Table::new(&["ORDER", "TEXT"]);
        table.row(["ORD-01KB0000000000000000000000", &"word ".repeat(20)]);
        let text = table.aligned(60);
        assert!(text.contains("ORD-01KB0000000000000000000000"), "{text}");
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= 60), "{text}");
    }

    #[test]
    fn elsewhere_cells_are_separated_by_tabs_and_hold_none() {
        let mut table = Table::new(&["A", "B"]);
        table.row(["1\t2", "x\ny"]);
        assert_eq!(table.separated(), "A\tB\n1 2\tx y\n");
        assert!(!self::table().separated().contains('\u{1b}'));
    }
}
