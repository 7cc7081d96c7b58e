//! The cases file.

use std::collections::HashSet;
use std::fs;
use std::path::{self, Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::sample::Sample;

use super::merge::{ExpectTable, Options, arguments};
use super::{CheckError, Document, Expect};

/// Seconds that a case may take unless it says otherwise.
const DEFAULT_TIMEOUT_S: u64 = 600;

/// Everything that a cases file says.
#[derive(Debug, Clone)]
pub struct Cases {
    /// The file.
    pub path: PathBuf,
    /// Its directory; paths in it are seen from there.
    pub dir: PathBuf,
    /// In the order of the file; at least one.
    pub cases: Vec<Case>,
}

/// A document with expectations.
#[derive(Debug, Clone)]
pub struct Case {
    /// Unique in its file, without control characters.
    pub name: String,
    /// Line in which it begins, from 1.
    pub line: usize,
    /// What is summarized.
    pub document: Document,
    /// Arguments of `summarize`, such as `--window=512`.
    pub arguments: Vec<String>,
    /// Seconds after which the run is ended and has failed.
    pub timeout_s: u64,
    /// What must come of it.
    pub expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTable {
    #[serde(default)]
    defaults: DefaultsTable,
    #[serde(default)]
    case: Vec<Spanned<CaseTable>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultsTable {
    #[serde(default)]
    options: Options,
    timeout_s: Option<u64>,
    #[serde(default)]
    expect: ExpectTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTable {
    name: String,
    file: Option<PathBuf>,
    sample: Option<SampleTable>,
    #[serde(default)]
    options: Options,
    timeout_s: Option<u64>,
    #[serde(default)]
    expect: ExpectTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleTable {
    tokens: u64,
    seed: u64,
}

impl Cases {
    /// Reads a cases file.
    ///
    /// # Errors
    /// [`CheckError::Read`] and [`CheckError::Invalid`].
    pub fn load(path: &Path) -> Result<Self, CheckError> {
        let read = |cause| CheckError::Read { path: path.to_owned(), cause };
        let text = fs::read_to_string(path).map_err(read)?;
        // relative documents must not depend on where this runs
        let absolute = path::absolute(path).map_err(read)?;
        Self::parse(&text, path, absolute.parent().unwrap_or(Path::new("/")))
    }

    fn parse(text: &str, path: &Path, dir: &Path) -> Result<Self, CheckError> {
        let line = |at: usize| text.bytes().take(at).filter(|&b| b == b'\n').count() + 1;
        let invalid = |at: usize, detail: String| CheckError::Invalid { path: path.to_owned(), line: line(at), detail };
        let file: FileTable = toml::from_str(text).map_err(|error| {
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            invalid(error.span().map_or(0, |span| span.start), message)
        })?;
        if file.case.is_empty() {
            return Err(invalid(0, "there is no [[case]]".into()));
        }
        let mut names = HashSet::new();
        let mut cases = Vec::new();
        for spanned in file.case {
            let at = spanned.span().start;
            let table = spanned.into_inner();
            let name = table.name.escape_debug().to_string();
            let case = table.finish(line(at), &file.defaults, dir).and_then(|case| {
                if names.insert(case.name.clone()) { Ok(case) } else { Err("another case has this name".into()) }
            });
            cases.push(case.map_err(|problem| invalid(at, format!("case '{name}': {problem}")))?);
        }
        Ok(Self { path: path.to_owned(), dir: dir.to_owned(), cases })
    }

    /// The error that a case is not understood, for what only a caller can know.
    pub fn invalid(&self, case: &Case, problem: &str) -> CheckError {
        let detail = format!("case '{}': {problem}", case.name);
        CheckError::Invalid { path: self.path.clone(), line: case.line, detail }
    }
}

impl CaseTable {
    fn finish(self, line: usize, defaults: &DefaultsTable, dir: &Path) -> Result<Case, String> {
        if self.name.trim().is_empty() || self.name.contains(char::is_control) {
            return Err("a name is some text on one line".into());
        }
        let document = match (self.file, self.sample) {
            (Some(file), None) if file.as_os_str().is_empty() || file.as_os_str() == "-" => {
                return Err("file must be the path of a text file".into());
            }
            (Some(file), None) => Document::File(dir.join(file)),
            (None, Some(SampleTable { tokens, seed })) => {
                Sample::new(tokens, seed).map_err(|error| error.to_string())?;
                Document::Sample { tokens, seed }
            }
            _ => return Err("give either file or sample".into()),
        };
        let timeout_s = self.timeout_s.or(defaults.timeout_s).unwrap_or(DEFAULT_TIMEOUT_S);
        if timeout_s == 0 {
            return Err("timeout_s must be above 0".into());
        }
        let has_facts = matches!(document, Document::Sample { .. });
        Ok(Case {
            name: self.name,
            line,
            arguments: arguments(self.options, &defaults.options)?,
            timeout_s,
            expect: self.expect.or(&defaults.expect).finish(has_facts)?,
            document,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Case>, String> {
        let parsed = Cases::parse(text, Path::new("c.toml"), Path::new("/d"));
        parsed.map(|cases| cases.cases).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn refused(text: &str, words: &str) {
        let message = parse(text).unwrap_err();
        assert!(message.starts_with("cases file 'c.toml', line ") && message.contains(words), "{message}");
        assert_eq!(message.lines().count(), 1);
    }

    #[test]
    fn a_small_case_expects_what_is_usual() {
        let cases = parse("[[case]]\nname = 'a'\nfile = 'a.txt'\n").unwrap();
        assert_eq!(cases.len(), 1);
        assert_eq!(cases[0].document, Document::File("/d/a.txt".into()));
        assert_eq!((cases[0].line, cases[0].timeout_s), (1, DEFAULT_TIMEOUT_S));
        assert_eq!(cases[0].expect, Expect::default());
        assert!(cases[0].arguments.is_empty());
    }

    #[test]
    fn a_case_stands_above_the_defaults_and_lists_add_up() {
        let cases = parse(
            r#"
            [defaults]
            timeout_s = 60
            options = { window = 1024, segment = 256, verbose = true }
            [defaults.expect]
            max_peak_memory = "200M"
            must_not_contain = ["<|im_end|>"]
            min_words = 5

            [[case]]
            name = "a"
            sample = { tokens = 1500, seed = 1 }
            options = { window = 512, policy = "streaming", prompt = "-x y", verbose = false }
            [case.expect]
            min_words = 0
            facts = 3
            must_not_contain = ["Here is"]
            must_contain = ["harbour", ["1842", "MDCCCXLII"]]

            [[case]]
            name = "b"
            file = "/abs.txt"
            timeout_s = 5
            [case.expect]
            exit_code = [0, 6]
            ignore_case = false
        "#,
        )
        .unwrap();
        let (a, b) = (&cases[0], &cases[1]);
        assert_eq!(a.document, Document::Sample { tokens: 1500, seed: 1 });
        assert_eq!(a.arguments, ["--policy=streaming", "--prompt=-x y", "--segment=256", "--window=512"]);
        assert_eq!((a.timeout_s, b.timeout_s), (60, 5));
        assert_eq!((a.expect.min_words, b.expect.min_words), (Some(0), Some(5)));
        assert_eq!(a.expect.max_peak_memory, Some(200 << 20));
        assert_eq!(a.expect.must_not_contain, ["<|im_end|>", "Here is"]);
        assert_eq!(a.expect.must_contain, [vec!["harbour"], vec!["1842", "MDCCCXLII"]]);
        assert_eq!(b.document, Document::File("/abs.txt".into()));
        assert_eq!(b.arguments, ["--segment=256", "--verbose", "--window=1024"]);
        assert!(b.expect.all_tokens_read && !b.expect.complete && !b.expect.ignore_case);
        assert_eq!(b.line, 20);
    }

    #[test]
    fn an_expected_refusal_needs_no_statistics() {
        let cases = parse("[[case]]\nname='a'\nfile='a'\nexpect={exit_code=3}").unwrap();
        assert!(!cases[0].expect.all_tokens_read && !cases[0].expect.complete);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let case = |more: &str| format!("[[case]]\nname = 'a'\nfile = 'a.txt'\n{more}\n");
        refused(&case("expct = {}"), "line 4: unknown field `expct`");
        refused(&case("[case.expect]\nwords = 1"), "line 5: unknown field `words`");
        refused("[default]\n", "line 1: unknown field `default`");
        refused("[[case]]\nname = 'a\n", "line 2: ");
        refused("", "there is no [[case]]");
        refused("[[case]]\nfile = 'a'", "line 1: missing field `name`");
        refused("\n[[case]]\nname = 'a'", "line 2: case 'a': give either file or sample");
        refused(&case("sample = {tokens = 1, seed = 1}"), "give either file or sample");
        refused("[[case]]\nname = 'a'\nsample = {tokens = 0, seed = 1}", "tokens, not 0; ask for");
        refused("[[case]]\nname = 'a'\nsample = {tokens = 1, sed = 1}", "line 3: unknown field `sed`");
        refused("[[case]]\nname = 'a'\nfile = '-'", "path of a text file");
        refused("[[case]]\nname = \"\\u001b[2J\"\nfile = 'a'", "case '\\u{1b}[2J': a name is");
        refused(&[case(""), case("")].concat(), "line 5: case 'a': another case has this name");
        refused(&case("timeout_s = 0"), "timeout_s");
        refused(&case("timeout_s = -1"), "line 4: ");
        refused(&case("options = { json = true }"), "option 'json' cannot be set here");
        refused(&case("options = { max_tokens = 3 }"), "option 'max_tokens' is not the long name");
        refused(&case("options = { window = [1] }"), "option 'window' must be");
        let expect = |more: &str| case(&format!("[case.expect]\n{more}"));
        refused(&expect("exit_code = []"), "exit_code must be");
        refused(&expect("exit_code = 256"), "exit_code must be");
        refused(&expect("exit_code = 'x'"), "line 5: expected a whole number or a list of them");
        refused(&expect("must_contain = [1]"), "line 5: expected a string, or a list of strings");
        refused(&expect("must_contain = [[]]"), "must_contain has an empty entry");
        refused(&expect("must_not_contain = [' ']"), "must_not_contain has an empty entry");
        refused(&expect("facts = 1"), "facts can only be expected of a sample");
        refused(&expect("min_words = 3\nmax_words = 2"), "min_words is above max_words");
        refused(&expect("max_peak_memory = 'lots'"), "max_peak_memory 'lots': not a size");
        refused(&expect("policy = 'steaming'"), "there is no policy 'steaming', only full, streaming, ");
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let error = Cases::load(Path::new("/no/such.toml")).unwrap_err();
        assert!(matches!(error, CheckError::Read { .. }));
        assert!(error.to_string().starts_with("cases file '/no/such.toml' cannot be read: "));
    }
}
