//! Captions that roll up: each shows the last line of the one before once more.

use super::cue::Spoken;

/// Most lines that captions show at once and roll up. To compare all lines of two long cues would take a long time.
const LINES: usize = 64;

/// What `new` says that `old`, which was shown just before, did not say.
///
/// The last lines of `old` may be the first lines of `new`, and the last of those may have grown.
pub(super) fn unsaid(old: &[Spoken], new: Vec<Spoken>) -> Vec<Spoken> {
    let shared = (1..=old.len().min(new.len()).min(LINES)).rev().find_map(|n| {
        let (Some((grown, same)), Some((now, before))) = (new[..n].split_last(), old[old.len() - n..].split_last())
        else {
            return None;
        };
        let rest = growth(now, grown)?;
        (before == same).then(|| (n, Spoken { voice: grown.voice.clone(), text: rest.to_owned() }))
    });
    match shared {
        Some((n, grown)) => {
            let grown = (!grown.text.is_empty()).then_some(grown);
            grown.into_iter().chain(new.into_iter().skip(n)).collect()
        }
        None => new,
    }
}

/// What `new` has behind the text of `old`; `None` if it does not begin with it.
fn growth<'a>(old: &Spoken, new: &'a Spoken) -> Option<&'a str> {
    if old.voice != new.voice {
        return None;
    }
    let rest = new.text.strip_prefix(&old.text)?;
    // a word may not have grown: "a" is no part of "all"
    let whole = rest.is_empty() || rest.starts_with(' ') || !old.text.ends_with(char::is_alphanumeric);
    whole.then(|| rest.trim_start())
}
