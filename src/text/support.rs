//! Names and numbers of a summary that its document does not have.

use std::collections::{HashMap, HashSet};

use super::names::{each_name_or_number, is_initials};
use super::numbers::{numbers_in, terms};
use super::words::{Scanner, Word, without_possessive};

/// Months and days of the week, each with the ways in which it is written.
const CALENDAR: &[&[&str]] = &[
    &["January", "Jan"],
    &["February", "Feb"],
    &["March", "Mar"],
    &["April", "Apr"],
    &["May"],
    &["June", "Jun"],
    &["July", "Jul"],
    &["August", "Aug"],
    &["September", "Sept", "Sep"],
    &["October", "Oct"],
    &["November", "Nov"],
    &["December", "Dec"],
    &["Monday", "Mon"],
    &["Tuesday", "Tues", "Tue"],
    &["Wednesday", "Wed"],
    &["Thursday", "Thurs", "Thur", "Thu"],
    &["Friday", "Fri"],
    &["Saturday", "Sat"],
    &["Sunday", "Sun"],
];

/// First letters of neighbouring words that are kept.
const INITIALS: usize = 8;

/// Words between the words of a name.
const WITHIN: &[&str] = &["of", "and", "the", "for"];

/// What a document says of the names and numbers in a summary.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Supported {
    /// Different names and numbers in the summary.
    pub named: u32,
    /// Those which the document does not have, in the order of the summary.
    pub unsupported: Vec<String>,
    /// Words of the document.
    pub document_words: u64,
}

/// Looks for the names and numbers of a summary in a document that comes in pieces.
///
/// What counts as a name or a number is said in `names.rs`. Each counts once, however often it stands there. The document supports
/// it with the same word or number anywhere, whatever its separators and without a `'s`. Names must have the same capitals, or stand in
/// capitals throughout. A month or a day of the week may be abbreviated, and `1840s` is also supported by any year of them. Numbers
/// within other words of the document, such as 2023 in `FY2023`, support too. Initials (`U.S.A.`) are
/// supported by words that begin so (`United States of America`, `U. S. A.`) and by `USA`.
#[derive(Debug)]
pub struct Support {
    scanner: Scanner,
    /// Names and numbers, and whether they were found.
    wanted: Vec<(String, bool)>,
    /// By what would support them: places in `wanted`.
    forms: HashMap<String, Vec<usize>>,
    /// First letters of the last words of the document, as far as they have capitals, each with a full stop.
    initials: String,
    /// Words of the document so far.
    document_words: u64,
}

impl Support {
    /// Collects the names and numbers of a summary.
    pub fn new(summary: &str) -> Self {
        let mut wanted: Vec<(String, bool)> = Vec::new();
        let mut forms: HashMap<String, Vec<usize>> = HashMap::new();
        let mut seen: HashSet<String> = HashSet::new();
        each_name_or_number(summary, &mut |name| {
            if seen.insert(identity(name).to_owned()) {
                for form in forms_of(name) {
                    forms.entry(form).or_default().push(wanted.len());
                }
                wanted.push((name.to_owned(), false));
            }
        });
        Self { scanner: Scanner::default(), wanted, forms, initials: String::new(), document_words: 0 }
    }

    /// Reads the next piece of the document; it may begin and end within a word.
    pub fn read(&mut self, piece: &str) {
        let Self { scanner, wanted, forms, initials, document_words } = self;
        scanner.push(piece, &mut |word| {
            *document_words += 1;
            look_for(word, initials, forms, wanted);
        });
    }

    /// What was found in the whole document.
    pub fn finish(mut self) -> Supported {
        let Self { scanner, wanted, forms, initials, document_words } = &mut self;
        scanner.finish(&mut |word| {
            *document_words += 1;
            look_for(word, initials, forms, wanted);
        });
        let named = u32::try_from(self.wanted.len()).unwrap_or(u32::MAX);
        let unsupported = self.wanted.into_iter().filter(|(_, found)| !found).map(|(name, _)| name).collect();
        Supported { named, unsupported, document_words: self.document_words }
    }
}

/// The ways in which a month or a day of the week is written.
fn ways_of(name: &str) -> Option<&'static [&'static str]> {
    CALENDAR.iter().find(|ways| ways.contains(&name)).copied()
}

/// What all ways of writing a name or a number have in common: the first of them.
pub fn identity(name: &str) -> &str {
    ways_of(name).map_or(name, |ways| ways[0])
}

/// All that supports a name or a number.
fn forms_of(name: &str) -> Vec<String> {
    if is_initials(name) {
        return vec![name.to_owned(), name.replace('.', "")];
    }
    let names = ways_of(name).map_or_else(|| vec![name], <[&str]>::to_vec);
    let capitals: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let mut forms: Vec<String> = names.into_iter().map(ToOwned::to_owned).collect();
    if name.len() == 5
        && let Some(decade) = name.strip_suffix("0s")
    {
        forms.extend((0..10).map(|year| format!("{decade}{year}")));
    }
    forms.extend(capitals);
    forms
}

/// Marks what a word of the document supports, alone and by its first letter with those before it.
fn look_for(word: Word<'_>, initials: &mut String, forms: &HashMap<String, Vec<usize>>, wanted: &mut [(String, bool)]) {
    if forms.is_empty() {
        return;
    }
    let mut mark = |form: &str| forms.get(form).into_iter().flatten().for_each(|&i| wanted[i].1 = true);
    if let Some(first) = word.text.chars().next().filter(|first| first.is_uppercase()) {
        if initials.chars().count() == 2 * INITIALS {
            initials.drain(..initials.find('.').map_or(0, |at| at + 1));
        }
        initials.push(first);
        initials.push('.');
        let starts = initials.char_indices().filter(|(_, c)| *c != '.');
        starts.for_each(|(at, _)| mark(&initials[at..]));
    } else if !WITHIN.contains(&word.text) {
        initials.clear();
    }
    let has_digit = word.text.bytes().any(|byte| byte.is_ascii_digit());
    if has_digit {
        terms(word.text).iter().for_each(|term| mark(term));
        numbers_in(word.text).for_each(|number| mark(&number));
    } else if word.text.starts_with(char::is_uppercase) {
        let name = without_possessive(word.text);
        mark(name);
        // the capital of it is rare: all others write SS
        if name.contains('ẞ') {
            mark(&name.replace('ẞ', "SS"));
        }
    }
}
