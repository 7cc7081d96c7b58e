//! What is trained on: documents with answers, laid out as `summarize` lays them out, and plain texts.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::TrainError;
use super::schedule::{Asked, Schedule};
use crate::eval::{Pair, read_pairs, tokenize};
use crate::input::Markers;
use crate::llama::{Model, Token};
use crate::memory::layout::{ANSWER_RESERVE, Layout, WindowSizes};
use crate::rng::Rng;
use crate::summary::plan::windowed_layout_around;
use crate::summary::prompt::{Instructions, PromptTokens};
use crate::summary::request::Length;
use crate::text::sentences::sentences;

/// At most one of so many pairs is held out.
const HELD_OUT_OF: usize = 8;

/// Something to read, and what is to be predicted of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its name.
    pub id: String,
    /// Which file of pairs it is from. Only documents of one file take each other's place: with others, their kind would tell.
    pub kind: usize,
    /// Prompt, document, and one after the other what asks for an answer, and the answer; or a plain text.
    pub tokens: Vec<Token>,
    /// How many of them are the prompt.
    pub n_prefix: usize,
    /// How many are the document.
    pub n_document: usize,
    /// What is asked; nothing of a plain text, where everything is predicted that sees the memory.
    pub asked: Vec<Asked>,
    /// How it is read.
    pub schedule: Schedule,
    /// How it would be read without a memory by a window that takes the memory's bytes too; all at once where no context is so large.
    pub streaming: Schedule,
}

impl Example {
    /// Whether something is asked.
    pub fn is_asked(&self) -> bool {
        !self.asked.is_empty()
    }

    /// For each answer, or for a plain text, the first position whose next token is predicted, and these tokens.
    pub fn predicted(&self) -> Vec<(usize, &[Token])> {
        if self.asked.is_empty() {
            let first = self.schedule.first_with_memory().unwrap_or(0);
            return vec![(first, &self.tokens[first + 1..])];
        }
        let mut begin = self.n_prefix + self.n_document;
        let each = |asked: &Asked| {
            let answer = begin + asked.n_suffix;
            begin += asked.n_tokens();
            (answer - 1, &self.tokens[answer..begin])
        };
        self.asked.iter().map(each).collect()
    }

    /// The document.
    pub fn document(&self) -> &[Token] {
        &self.tokens[self.n_prefix..self.n_prefix + self.n_document]
    }

    /// The part of the document that has left the cache when the answer begins.
    pub fn forgotten(&self) -> std::ops::Range<usize> {
        let gone = self.schedule.forgotten();
        let in_document = |i: usize| i.saturating_sub(self.n_prefix).min(self.n_document);
        in_document(gone.start)..in_document(gone.end)
    }

    /// The same with another document.
    pub fn with_document(&self, document: &[Token]) -> Vec<Token> {
        let mut tokens = self.tokens[..self.n_prefix].to_vec();
        tokens.extend_from_slice(document);
        tokens.extend_from_slice(&self.tokens[self.n_prefix + self.n_document..]);
        tokens
    }
}

/// How examples are made.
#[derive(Debug, Clone, Copy)]
pub struct Desk<'m> {
    /// The model whose words they are.
    pub model: &'m Model,
    /// Sizes of the cache.
    pub sizes: WindowSizes,
    /// Longest sequence.
    pub n_tokens: usize,
    /// Pairs that are held out at most.
    pub n_held_out: usize,
    /// Tokens whose keys and values take as many bytes as the memory.
    pub n_worth: u32,
}

/// What was made, and what is kept for measuring.
#[derive(Debug, Default)]
pub struct Examples {
    /// To train on.
    pub train: Vec<Example>,
    /// To measure with; pairs only.
    pub held_out: Vec<Example>,
    /// Documents and texts that are too short to fill the memory.
    pub n_short: usize,
    /// Documents of which only the beginning is read.
    pub n_cut: usize,
}

impl Examples {
    /// Reads pairs and texts.
    ///
    /// # Errors
    /// [`TrainError`] for files that cannot be read or understood, and if nothing is long enough.
    pub fn load(desk: Desk<'_>, pairs: &[PathBuf], texts: &[PathBuf]) -> Result<Self, TrainError> {
        let mut all = Self::default();
        let mut markers = Markers::new(desk.model.vocab())?;
        let mut answers = Vec::new();
        let mut names = HashSet::new();
        for (kind, path) in pairs.iter().enumerate() {
            for mut pairs in by_document(read_pairs(path)?) {
                // names tell examples apart, and files may have the same
                while !names.insert(pairs[0].id.clone()) {
                    pairs[0].id.push('\'');
                }
                answers.extend(desk.answers(&pairs, kind, &mut markers, &mut all)?);
            }
        }
        all.set_apart(answers, desk.n_held_out);
        for path in files(texts)? {
            desk.text(&path, &mut markers, &mut all)?;
        }
        if all.train.is_empty() {
            let layout = desk.layout(0, 0)?;
            let needed = layout.n_cells as usize;
            return Err(TrainError::TooShort { examples: all.n_short, needed, limit: desk.n_tokens });
        }
        Ok(all)
    }

    /// Keeps some pairs for measuring, chosen by a hash of their names, so that they stay the same when others are added.
    fn set_apart(&mut self, mut answers: Vec<Example>, most: usize) {
        answers.sort_by_cached_key(|example| Sha256::digest(example.id.as_bytes()).to_vec());
        let n = most.min(answers.len() / HELD_OUT_OF);
        self.train = answers.split_off(n);
        self.held_out = answers;
    }

    /// A hash of everything that is trained on.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for example in self.train.iter().chain(&self.held_out) {
            let asked = example.asked.iter().flat_map(|asked| [asked.n_suffix, asked.n_answer]);
            for n in [example.kind, example.n_prefix, example.n_document, example.asked.len()].into_iter().chain(asked)
            {
                hash.update((n as u64).to_le_bytes());
            }
            example.tokens.iter().for_each(|token| hash.update(token.to_le_bytes()));
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Desk<'_> {
    fn layout(&self, n_prefix: usize, n_suffix: usize) -> Result<Layout, TrainError> {
        Ok(windowed_layout_around(self.model, self.sizes, n_prefix as u32, n_suffix as u32)?)
    }

    /// The same bytes without a memory.
    fn streaming(&self, n_prefix: usize, n_suffix: usize) -> Result<Layout, TrainError> {
        let sizes = WindowSizes { window: self.sizes.window.saturating_add(self.n_worth), ..self.sizes };
        Ok(windowed_layout_around(self.model, sizes, n_prefix as u32, n_suffix as u32)?)
    }

    /// Pairs of the same document, as [`crate::eval::Examiner`] reads them, with the prompt of the first one before the document.
    /// Documents that are too long end with the last sentence that fits, references with the last token that does.
    fn answers(
        &self,
        pairs: &[Pair],
        kind: usize,
        markers: &mut Markers<'_>,
        all: &mut Examples,
    ) -> Result<Option<Example>, TrainError> {
        let vocab = self.model.vocab();
        let (mut prefix, mut asked, mut behind) = (Vec::new(), Vec::new(), Vec::new());
        for pair in pairs {
            let question = pair.question.as_deref();
            let instructions =
                question.map_or_else(|| Instructions::summary(Length::default()), Instructions::request)?;
            let prompt = PromptTokens::new(self.model, &instructions)?;
            let mut answer = tokenize(vocab, markers, &pair.reference)?;
            answer.truncate(ANSWER_RESERVE as usize);
            if asked.is_empty() {
                prefix = prompt.prefix;
            }
            if !answer.is_empty() {
                asked.push(Asked { n_suffix: prompt.suffix.len(), n_answer: answer.len() });
                behind.extend(prompt.suffix.into_iter().chain(answer));
            }
        }
        let longest = |n: fn(&Asked) -> usize| asked.iter().map(n).max().unwrap_or(0);
        let limit = self.n_tokens.saturating_sub(prefix.len() + longest(|asked| asked.n_tokens()));
        let mut document = tokenize(vocab, markers, &pairs[0].document)?;
        if document.len() > limit {
            document = self.cut(&pairs[0].document, document.len(), limit, markers)?;
            all.n_cut += 1;
        }
        let (n_prefix, n_suffix, n_document) = (prefix.len(), longest(|asked| asked.n_suffix), document.len());
        let n_text = n_prefix + n_document;
        let schedule = Schedule::windowed(&self.layout(n_prefix, n_suffix)?, n_text, &asked);
        let streaming = self
            .streaming(n_prefix, n_suffix)
            .map_or_else(|_| Schedule::full(n_text, &asked), |layout| Schedule::windowed(&layout, n_text, &asked));
        let tokens = [prefix, document, behind].concat();
        let id = pairs[0].id.clone();
        let example = Example { id, kind, tokens, n_prefix, n_document, asked, schedule, streaming };
        if !example.is_asked() || example.forgotten().is_empty() {
            all.n_short += 1;
            return Ok(None);
        }
        Ok(Some(example))
    }

    /// The first whole sentences of a text of `n` tokens that have at most `limit`.
    fn cut(&self, text: &str, n: usize, limit: usize, markers: &mut Markers<'_>) -> Result<Vec<Token>, TrainError> {
        let ends: Vec<usize> = sentences(text).into_iter().map(|range| range.end).collect();
        // tokens are about as long everywhere; where they are shorter, sentences leave until it fits
        let mut n_bytes = (text.len() as f64 * limit as f64 / n as f64) as usize;
        loop {
            let end = ends.iter().copied().rfind(|&end| end <= n_bytes).unwrap_or(0);
            let tokens = tokenize(self.model.vocab(), markers, &text[..end])?;
            if tokens.len() <= limit || end == 0 {
                return Ok(tokens);
            }
            n_bytes = end - 1;
        }
    }

    /// A text in pieces of the longest sequence; the last one counts if it is half as long.
    fn text(&self, path: &Path, markers: &mut Markers<'_>, all: &mut Examples) -> Result<(), TrainError> {
        let io = |cause| TrainError::Io { action: "read", path: path.to_owned(), cause };
        let text = fs::read_to_string(path).map_err(io)?;
        let vocab = self.model.vocab();
        let tokens = tokenize(vocab, markers, &text)?;
        let bos: Vec<Token> = vocab.bos().into_iter().collect();
        let layout = self.layout(bos.len(), 0)?;
        let length = self.n_tokens.saturating_sub(bos.len()).max(1);
        for (i, piece) in tokens.chunks(length).enumerate() {
            let schedule = Schedule::windowed(&layout, bos.len() + piece.len(), &[]);
            let tokens = [&bos, piece].concat();
            let n_seen = schedule.first_with_memory().map_or(0, |first| tokens.len() - first);
            if n_seen < 2 || i > 0 && piece.len() < length / 2 {
                all.n_short += usize::from(i == 0);
                continue;
            }
            all.train.push(Example {
                id: format!("{}#{i}", path.display()),
                kind: 0,
                n_prefix: bos.len(),
                n_document: piece.len(),
                asked: Vec::new(),
                schedule,
                // texts are not measured with
                streaming: Schedule::full(tokens.len(), &[]),
                tokens,
            });
        }
        Ok(())
    }
}

/// Pairs of the same document together, in the order of their first ones.
fn by_document(pairs: Vec<Pair>) -> Vec<Vec<Pair>> {
    let mut groups: Vec<Vec<Pair>> = Vec::new();
    let mut of_document: HashMap<String, usize> = HashMap::new();
    for pair in pairs {
        match of_document.get(&pair.document) {
            Some(&i) => groups[i].push(pair),
            None => {
                of_document.insert(pair.document.clone(), groups.len());
                groups.push(vec![pair]);
            }
        }
    }
    groups
}

/// The files named, and those in the folders named, by name.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, TrainError> {
    let mut files = Vec::new();
    for path in paths {
        let io = |cause| TrainError::Io { action: "read", path: path.clone(), cause };
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside = Vec::new();
        for entry in fs::read_dir(path).map_err(io)? {
            let file = entry.map_err(io)?.path();
            if file.is_file() {
                inside.push(file);
            }
        }
        inside.sort();
        files.extend(inside);
    }
    Ok(files)
}

/// Documents of each kind in turn, within a kind in an order of their own.
pub(super) fn in_turns(examples: &[Example], seed: u64) -> Vec<&Example> {
    let n_kinds = examples.iter().map(|example| example.kind + 1).max().unwrap_or(0);
    let mut kinds: Vec<VecDeque<&Example>> = vec![VecDeque::new(); n_kinds];
    let mut order: Vec<usize> = (0..examples.len()).collect();
    Rng::new(seed).shuffle(&mut order);
    for i in order {
        kinds[examples[i].kind].push_back(&examples[i]);
    }
    let mut all = Vec::with_capacity(examples.len());
    while all.len() < examples.len() {
        all.extend(kinds.iter_mut().filter_map(VecDeque::pop_front));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(id: usize) -> Example {
        Example {
            id: format!("pair {id}"),
            kind: 0,
            tokens: (0..20).collect(),
            n_prefix: 3,
            n_document: 10,
            asked: vec![Asked { n_suffix: 2, n_answer: 2 }, Asked { n_suffix: 1, n_answer: 2 }],
            schedule: Schedule::full(20, &[]),
            streaming: Schedule::full(20, &[]),
        }
    }

    #[test]
    fn an_answer_is_predicted_from_the_token_before_it() {
        let example = example(1);
        assert_eq!(example.predicted(), [(14, &[15, 16][..]), (17, &[18, 19][..])]);
        assert_eq!(example.document(), (3..13).collect::<Vec<_>>());
        let other = example.with_document(&[100; 10]);
        assert_eq!((other[2], other[3], other[12], other[13], other.len()), (2, 100, 100, 13, 20));
    }

    #[test]
    fn pairs_of_a_document_are_one_example() {
        let pair = |id: &str, document: &str| Pair {
            id: id.into(),
            document: document.into(),
            reference: "r".into(),
            question: None,
            facts: Vec::new(),
        };
        let groups = by_document(vec![pair("a", "x"), pair("b", "y"), pair("c", "x")]);
        let ids: Vec<Vec<&str>> =
            groups.iter().map(|group| group.iter().map(|pair| pair.id.as_str()).collect()).collect();
        assert_eq!(ids, [vec!["a", "c"], vec!["b"]]);
    }

    #[test]
    fn the_same_pairs_are_held_out_when_more_come() {
        let held_out = |n: usize| {
            let mut all = Examples::default();
            all.set_apart((0..n).map(example).collect(), 6);
            assert_eq!(all.train.len() + all.held_out.len(), n);
            all.held_out.into_iter().map(|example| example.id).collect::<Vec<_>>()
        };
        assert!(held_out(7).is_empty());
        assert_eq!(held_out(16).len(), 2);
        let (few, many) = (held_out(48), held_out(49));
        assert_eq!(few.len(), 6);
        assert!(many.iter().filter(|id| few.contains(id)).count() >= 5);
    }
}
