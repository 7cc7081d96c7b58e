//! Who speaks, where only the text says it.

/// Longest name of a speaker, in characters.
const LONGEST: usize = 40;

/// Most words of a name.
const WORDS: usize = 5;

/// How a line begins.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening<'a> {
    /// With a name, `ANNA: ...`; what follows it.
    Name(&'a str, &'a str),
    /// With a mark that somebody else speaks.
    Mark,
    /// With what is said.
    Speech,
}

/// What a sentence says, without the name of who says it.
pub fn said(sentence: &str) -> &str {
    match opening(sentence) {
        Opening::Name(_, said) if !said.is_empty() => said,
        _ => sentence,
    }
}

/// Looks at the begin of a line.
pub fn opening(line: &str) -> Opening<'_> {
    if line.starts_with(">>") || line.starts_with(['–', '—']) || is_dashed(line) {
        return Opening::Mark;
    }
    let Some(at) = line.find([':', '：']) else { return Opening::Speech };
    let (name, rest) = line.split_at(at);
    let mut behind = rest.chars();
    // a time or an address goes on without a space
    let separated = behind.next() == Some('：') || behind.clone().next().is_none_or(char::is_whitespace);
    if separated && is_name(name) { Opening::Name(name, behind.as_str().trim()) } else { Opening::Speech }
}

/// `- Yes.` or `-Yes.`, but not `-5`.
fn is_dashed(line: &str) -> bool {
    let Some(rest) = line.strip_prefix('-') else { return false };
    rest.starts_with(|c: char| c == ' ' || c.is_alphabetic() || "\"'“¿¡[(♪".contains(c))
}

/// A few words, none of which begins with a small letter.
fn is_name(text: &str) -> bool {
    let begins = |word: &str| word.starts_with(|c: char| !c.is_lowercase());
    text.chars().take(LONGEST + 1).count() <= LONGEST
        && text.starts_with(|c: char| c.is_alphabetic())
        && text.split(' ').count() <= WORDS
        && text.split(' ').all(begins)
        && text.chars().all(|c| c.is_alphanumeric() || " .'’-_()#&/".contains(c))
}
