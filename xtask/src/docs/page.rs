//! A page of documentation as what can be run: its blocks of commands, and what it says that they print.

/// Commands, and the output that is shown for them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line at which it begins, from 1.
    pub(super) line: usize,
    pub(super) commands: String,
    /// What is shown for it, with `…` for what was left out.
    pub(super) shown: Option<String>,
}

/// The page's blocks marked `bash`, each with the block marked `text` that follows it under its heading.
///
/// A comment `<!-- run: COMMAND -->` is a block too: what a reader is told to do in words.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut answers): (Vec<Block>, bool) = (vec![], false);
    let mut lines = (1..).zip(page.lines());
    while let Some((line, text)) = lines.next() {
        if let Some(command) = text.strip_prefix("<!-- run: ").and_then(|rest| rest.strip_suffix(" -->")) {
            blocks.push(Block { line, commands: format!("{command}\n"), shown: None });
            answers = false;
        } else if text.starts_with('#') {
            answers = false; // What is shown further down is an example.
        } else if let Some(language) = text.strip_prefix("```") {
            let inside: String = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| *line != "```")
                .flat_map(|l| [l, "\n"])
                .collect();
            match language {
                "bash" => {
                    blocks.push(Block { line, commands: inside, shown: None });
                    answers = true;
                }
                "text" if answers => {
                    if let Some(last) = blocks.last_mut() {
                        last.shown = Some(inside);
                    }
                    answers = false;
                }
                _ => {}
            }
        }
    }
    blocks
}

/// What of the shown output is not in the real one. Numbers and ids count as equal to others.
pub(super) fn missing<'s>(shown: &'s str, output: &str) -> Vec<&'s str> {
    let output = masked(output);
    let pieces = shown.lines().flat_map(|line| line.split('…')).map(str::trim);
    pieces.filter(|piece| !piece.is_empty() && !output.contains(&masked(piece))).collect()
}

/// A text with every id and every number replaced by a sign that stands for any.
fn masked(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut word = String::new();
    for letter in text.chars().chain([' ']) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        let has_digit = word.contains(|letter: char| letter.is_ascii_digit());
        let is_id = (word.len() >= 16 && word.chars().all(|l| l.is_ascii_digit() || l.is_ascii_uppercase()))
            || (word.len() >= 12 && word.chars().all(|l| l.is_ascii_hexdigit()));
        match (is_id, has_digit) {
            (true, _) => masked.push('#'),
            (_, true) => masked.extend(digits_masked(&word)),
            _ => masked.push_str(&word),
        }
        word.clear();
        masked.push(letter);
    }
    masked.pop();
    masked
}

fn digits_masked(word: &str) -> Vec<char> {
    let mut masked: Vec<char> = vec![];
    for letter in word.chars() {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || masked.last() != Some(&'#') {
            masked.push(letter);
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_the_output_that_follows_them() {
        let page = "# T\n```bash\none\n```\nsaid\n```text\nout\n```\n```json\n{}\n```\n<!-- run: two -->\n```bash\nthree\n```\n";
        let block = |line, commands: &str, shown: Option<&str>| Block {
            line,
            commands: commands.to_owned(),
            shown: shown.map(str::to_owned),
        };
        let expected =
            [block(2, "one\n", Some("out\n")), block(12, "two\n", None), block(13, "three\n", None)];
        assert_eq!(blocks(page), expected);
    }

    #[test]
    fn ids_and_numbers_may_differ_and_nothing_else() {
        let output = r#"{"order_id":"ORD-01M86E0S6T0000G9MPXDKFF4FR","state":"shipping","amount":500}"#;
        let shown = "{\"order_id\":\"ORD-01AAAAAAAA0000BBBBBBBBBBBB\",…,\"amount\":7}\n";
        assert_eq!(missing(shown, output), [""; 0]);
        assert_eq!(missing("…\"state\":\"completed\"…", output), ["\"state\":\"completed\""]);
        assert_eq!(
            missing("待支付 (超时倒计时: 27s) TRK-24a14dd71f6a", "待支付 (超时倒计时: 3s) TRK-665e0fe23902"),
            [""; 0]
        );
    }
}
