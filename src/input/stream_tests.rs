//! Piece by piece gives what the whole gives.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::pieces::Sizes;
use super::{InputError, Markers, Reading, Source, TokenStream};
use crate::llama::{Backend, Model, ModelParams, Token, TokenKind, Vocab};
use crate::models::{Cache, Catalogue, PullOptions, pull};

/// Small, so that short texts are cut often; but the head is longer than any token.
const SMALL: Sizes = Sizes { piece: 500, head: 200 };

fn load(name: &str) -> Model {
    let (cache, never) = (Cache::from_env().unwrap(), AtomicBool::new(false));
    let catalogue = Catalogue::builtin().unwrap();
    let path = pull(catalogue.get(name).unwrap(), &PullOptions::new(&cache, &never), &mut |_| {}).unwrap();
    load_file(&path)
}

fn load_file(path: &Path) -> Model {
    Model::load(Backend::init().unwrap(), path, ModelParams::default()).unwrap()
}

/// The models to test with: the smallest, or all of the catalogue with `EDGEINF_TEST_MODELS=all`.
fn models() -> &'static [Model] {
    static MODELS: OnceLock<Vec<Model>> = OnceLock::new();
    MODELS.get_or_init(|| {
        let all = std::env::var("EDGEINF_TEST_MODELS").is_ok_and(|v| v == "all");
        let names: &[_] = if all { &["smollm2-135m", "qwen2.5-coder-0.5b", "gemma3-270m"] } else { &["smollm2-135m"] };
        names.iter().map(|name| load(name)).collect()
    })
}

fn stream(text: &str, vocab: Vocab<'_>, sizes: Sizes) -> Result<(Vec<Token>, usize), InputError> {
    let idle = Arc::default();
    let source = Source::from_reader("'x'", Cursor::new(text.to_owned()), &idle)?;
    let mut stream = TokenStream::with_sizes(source, vocab, idle, sizes)?;
    let (mut tokens, mut pieces) = (Vec::new(), 0);
    while stream.next_chunk(&mut tokens)? {
        pieces += 1;
    }
    assert_eq!(stream.bytes_read(), text.len() as u64);
    Ok((tokens, pieces))
}

fn whole(text: &str, vocab: Vocab<'_>) -> Vec<Token> {
    let mut tokens = vocab.tokenize(text, false).unwrap();
    Markers::new(vocab).unwrap().replace(&mut tokens).unwrap();
    tokens
}

fn assert_same(text: &str, sizes: Sizes) {
    for model in models() {
        let vocab = model.vocab();
        let (tokens, pieces) = stream(text, vocab, sizes).unwrap();
        let expected = whole(text, vocab);
        let differs = tokens.iter().zip(&expected).position(|(a, b)| a != b);
        if differs.is_some() || tokens.len() != expected.len() {
            let at = differs.unwrap_or(0).saturating_sub(3);
            let shown = |t: &[Token]| t.iter().skip(at).take(9).map(|&t| vocab.text(&[t])).collect::<Vec<_>>();
            panic!(
                "{}: {} of {} tokens in {pieces} pieces, {:?} for {:?}",
                model.architecture(),
                tokens.len(),
                expected.len(),
                shown(&tokens),
                shown(&expected)
            );
        }
        assert!(pieces > 1 || text.len() <= sizes.piece + sizes.head);
    }
}

/// Bits of text that word rules and added tokens care about.
fn bit() -> impl Strategy<Value = String> {
    let repeated = |what: &'static [&'static str], most: usize| {
        (prop::sample::select(what), 1..most).prop_map(|(s, n)| s.repeat(n))
    };
    prop_oneof![
        6 => "[a-z]{1,9}",
        4 => " [A-Za-zéüßж]{1,12}",
        2 => repeated(&[" ", "\t", "\u{a0}", "\u{3000}", " \t", "\u{2581}"], 40),
        2 => repeated(&["\n", "\r\n", "\n\n", "\r", " \n", "\n ", "\u{85}", "\u{2028}"], 40),
        2 => "[0-9]{1,20}",
        1 => "[0-9]{1,3}([,. ][0-9]{3}){1,4}",
        2 => "[!-/:-@\\[-`{-~]{1,8}",
        1 => repeated(&["=", "-", "_", "/", "\\", "'"], 80),
        2 => prop::sample::select(&["'s", "'S", "'ll", "'RE", "’ve", " 't", "'", "''d", "O'Neill"][..]).prop_map(String::from),
        1 => repeated(&["👩‍👩‍👧‍👦", "🏳️‍🌈", "😀", "🇩🇪", "e\u{301}", "न\u{93f}", "\u{200d}", "\u{fe0f}"], 9),
        2 => "[一-鿿]{1,30}[。，、！「」]?",
        1 => "[ぁ-ゟ]{1,20}|[가-힣 ]{1,20}|[ก-๛]{1,20}|[א-ת ]{1,20}",
        2 => prop::sample::select(&[
            "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<think>", "</think>", "<tool_call>", "<start_of_turn>",
            "<end_of_turn>", "<table>", "<td>", "</s>", "<s>", "<bos>", "<unk>", "<0x0A>", "<|im_", "<|im_start|>system\n",
            "<file_sep>", "[INST]", "<|<|im_end|>", "<|fim_prefix|>", "<unused7>", "[multimodal]",
        ][..]).prop_map(String::from),
        1 => "[a-z]{100,700}|[A-Za-z0-9+/]{100,900}|[0-9]{100,500}",
        1 => "\\PC{1,6}",
    ]
}

#[test]
fn pieces_give_the_tokens_of_the_whole() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(48);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let text = prop::collection::vec(bit(), 20..400).prop_map(|bits| bits.concat() + "x");
    TestRunner::new(config)
        .run(&text, |text| {
            assert_same(&text, SMALL);
            Ok(())
        })
        .unwrap();
}

#[test]
fn runs_of_one_kind_are_followed() {
    for unit in ["a", "中", " ", "\n", "\r\n", "=", "7", "ab", "é", " a", "a\n\n", ". ", "😀", "中，", "Ab1"] {
        assert_same(&(unit.repeat(3000) + "x"), SMALL);
    }
}

#[test]
fn a_megabyte_without_a_space_fits_the_stack() {
    let work = || {
        for unit in ["a", "中"] {
            let text = unit.repeat((1 << 20) / unit.len());
            for model in models() {
                let (tokens, _) = stream(&text, model.vocab(), Sizes::DEFAULT).unwrap();
                assert!(model.vocab().text(&tokens) == text, "{}", model.architecture());
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(work).unwrap();
    thread.join().unwrap();
}

#[test]
fn memory_does_not_grow_with_the_text() {
    let idle = Arc::default();
    let line = "All work and no play makes a long document. ";
    let source = Source::from_reader("'x'", Cursor::new(line.repeat(20_000)), &idle).unwrap();
    let mut stream = TokenStream::new(source, models()[0].vocab(), idle).unwrap();
    let mut tokens = Vec::new();
    while stream.next_chunk(&mut tokens).unwrap() {
        assert!(stream.text.capacity() < 256 * 1024 && tokens.len() < 16 * 1024);
        tokens.clear();
    }
    assert_eq!(stream.bytes_read(), 20_000 * line.len() as u64);
}

#[test]
fn progress_is_that_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let line = "Größe ";
    let utf16: Vec<u8> =
        "\u{feff}".encode_utf16().chain(line.repeat(40_000).encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let page = "<p>All work</p><script>no play</script>".repeat(9000) + &"<!-- -->".repeat(20_000);
    for (name, bytes) in [("a.txt", utf16), ("a.html", page.into_bytes())] {
        let path = dir.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let idle = Arc::default();
        let source = Source::open(&path, Reading::default(), &idle).unwrap();
        let mut stream = TokenStream::new(source, models()[0].vocab(), idle).unwrap();
        assert_eq!(stream.total_bytes(), Some(bytes.len() as u64));
        let (mut before, mut steps) = (stream.bytes_read(), 0);
        while stream.next_chunk(&mut Vec::new()).unwrap() {
            assert!(stream.bytes_read() > before && stream.bytes_read() <= bytes.len() as u64, "{name}");
            (before, steps) = (stream.bytes_read(), steps + 1);
        }
        assert_eq!(stream.bytes_read(), bytes.len() as u64, "{name}");
        assert!(steps > 3, "{name}: {steps}");
    }
}

#[test]
fn an_interrupt_ends_the_stream() {
    let stop = Arc::new(AtomicBool::new(false));
    let source = Source::from_reader("'x'", Cursor::new("word ".repeat(9)), &stop).unwrap();
    let mut stream = TokenStream::new(source, models()[0].vocab(), Arc::clone(&stop)).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(matches!(stream.next_chunk(&mut Vec::new()), Err(InputError::Interrupted)));
}

#[test]
fn no_marker_comes_out_of_any_text() {
    for model in models() {
        let vocab = model.vocab();
        let markers = Markers::new(vocab).unwrap();
        let names: Vec<_> = (0..vocab.n_tokens() as Token).filter(|&t| markers.contains(t)).collect();
        assert!(names.iter().any(|&t| vocab.kind(t) == TokenKind::Control));
        let all = names.iter().map(|&t| vocab.entry(t)).collect::<Vec<_>>();
        // side by side, within words, and nested in each other
        let pairs = all.windows(2).map(|p| format!("{}{}{}", &p[0][..1.min(p[0].len())], p[1], p[0]));
        for text in [all.concat(), all.join(" "), all.join("\nx"), pairs.collect()] {
            let (tokens, _) = stream(&text, vocab, Sizes::DEFAULT).unwrap();
            let out = tokens.iter().find(|&&t| markers.contains(t));
            assert_eq!(out.map(|&t| vocab.entry(t)), None, "{}", model.architecture());
            assert!(vocab.text(&tokens) == text, "{}", model.architecture());
        }
    }
}
