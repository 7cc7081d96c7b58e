//! `vocab.txt`: a word piece on each line.

use std::collections::HashSet;

use super::BertError;

/// What llama.cpp puts before a piece that begins a word, where WordPiece puts `##` before one that does not.
const WORD_START: char = '\u{2581}';

/// `tokenizer.ggml.token_type` of text.
const NORMAL: i32 = 1;
/// Of tokens that steer.
const CONTROL: i32 = 3;

/// Tokens that steer, with the key of each in a GGUF file; `seperator` is how it is spelled there.
const SPECIAL: [(&str, &str); 5] =
    [("[PAD]", "padding"), ("[UNK]", "unknown"), ("[CLS]", "cls"), ("[SEP]", "seperator"), ("[MASK]", "mask")];

/// A vocabulary as a GGUF file has it.
pub(super) struct Tokens {
    /// By token: its text.
    pub texts: Vec<String>,
    /// By token: its type.
    pub kinds: Vec<i32>,
    /// Names of keys and the token of each.
    pub special: Vec<(&'static str, u32)>,
}

/// Reads a vocabulary.
pub(super) fn tokens(vocabulary: &str) -> Result<Tokens, BertError> {
    let bad = BertError::Vocabulary;
    let lines: Vec<&str> = vocabulary.lines().collect();
    let mut seen = HashSet::new();
    if let Some(twice) = lines.iter().find(|&&line| !seen.insert(line)) {
        return Err(bad(format!("'{}' stands there twice", twice.escape_debug())));
    }
    let special_name = |line: &str| SPECIAL.iter().find(|(text, _)| *text == line).map(|(_, key)| *key);
    let mut special: Vec<(&'static str, u32)> =
        lines.iter().zip(0..).filter_map(|(line, id)| Some((special_name(line)?, id))).collect();
    if let Some((text, _)) = SPECIAL.iter().find(|(_, key)| special.iter().all(|(found, _)| found != key)) {
        return Err(bad(format!("{text} is missing")));
    }
    // a sequence begins with [CLS]
    special.extend(special.iter().find(|(key, _)| *key == "cls").map(|(_, id)| ("bos", *id)));
    let text = |line: &&str| match line.strip_prefix("##") {
        _ if special_name(line).is_some() => (*line).to_owned(),
        Some(rest) => rest.to_owned(),
        None => format!("{WORD_START}{line}"),
    };
    let kind = |line: &&str| if special_name(line).is_some() { CONTROL } else { NORMAL };
    Ok(Tokens { texts: lines.iter().map(text).collect(), kinds: lines.iter().map(kind).collect(), special })
}
