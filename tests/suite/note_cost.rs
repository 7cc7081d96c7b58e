//! What notes cost: known before, and a third of the reading at most.

use std::sync::Arc;

use crate::common::program::{scratch, stderr, stdout, summarize};
use crate::common::scripted::{Then, scripted};
use crate::common::text::story;
use crate::common::{ContextBuilder, load};
use crate::notes::sample;
use crate::scripted::SAID;
use edgeinf::llama::{Compaction, SamplerParams};
use edgeinf::memory::layout::{Layout, WindowSizes};
use edgeinf::reader::Reader;
use edgeinf::summary::notes::{Bound, NoteSizes, NoteTaker};
use edgeinf::summary::prompt::Instructions;
use edgeinf::summary::prompts::{Prompts, Values};
use edgeinf::summary::request::Length;
use edgeinf::summary::scribe::Scribe;
use serde_json::Value;

#[test]
fn the_cost_of_notes_is_known_before_and_bounded() {
    let (dir, _) = sample("cost", 12_000, 45);
    let output = summarize(&dir.join("a.txt"), &["--dry-run", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let json: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(json["strategy"], "notes");
    let tokens = json["input"]["tokens"].as_u64().unwrap();
    assert_eq!(json["notes"], tokens.div_ceil(1536));
    let text = stdout(&summarize(&dir.join("a.txt"), &["--dry-run"]));
    assert!(text.contains("notes, "), "{text}");
    let direct = summarize(&dir.join("a.txt"), &["--dry-run", "--json", "--strategy", "direct"]);
    let direct: Value = serde_json::from_str(&stdout(&direct)).unwrap();
    assert_eq!((&direct["notes"], &direct["predicted"]["notes_ms"]), (&0.into(), &0.0.into()));
}

/// What a note costs is counted, and the last stretch has what is left of a third of the reading, if there is a bound.
#[test]
fn the_last_note_has_what_is_left() {
    let dir = scratch("scripted-bound");
    let model = load(&scripted(&dir, &SAID, Then::Again));
    let text = model.vocab().tokenize(&story(1400, 5), false).unwrap();
    // it says the same again to the end of each note
    let written = |bound: Option<Bound>| -> Vec<u64> {
        let mut scribe = Scribe::new(&model, SamplerParams::default(), &Arc::default()).unwrap();
        let (prompts, document) = (Prompts::built_in().unwrap(), Instructions::summary(Length::default()).unwrap());
        let mut taker = NoteTaker::new(prompts, document, Values::default(), (1024, 36), bound);
        let sizes = WindowSizes { sinks: 4, retain: 0, window: 512, segment: 128 };
        let layout = Layout::new(sizes, 0, 0).with_aside(taker.room(&mut scribe).unwrap(), 0);
        let compaction = Compaction::Edgeinf { gate: None, n_front_max: layout.n_front, retain: None, model_id: 0 };
        let builder = ContextBuilder { n_cells: layout.n_cells, n_outputs: 1, ..Default::default() };
        let mut reader = Reader::new(builder.build(&model, compaction, None), Some(layout), sizes.segment);
        let mut written = vec![0];
        for part in text.chunks(128) {
            taker.read(part);
            reader.push(part).unwrap();
            if taker.is_due(reader.n_pending()) {
                taker.take(&mut reader, &mut scribe, false).unwrap();
                written.push(scribe.tokens_written);
            }
        }
        reader.flush().unwrap();
        let last = taker.take(&mut reader, &mut scribe, true).unwrap();
        assert!(!last.text.is_empty(), "sentences of the document stand in its place");
        written.push(scribe.tokens_written);
        written.windows(2).map(|pair| pair[1] - pair[0]).collect()
    };
    assert_eq!(written(None), [36, 36]);
    let bounded = written(NoteSizes::default().bound());
    assert!(bounded.len() == 2 && (32..=36).contains(&bounded[0]) && bounded[1] == 0, "{bounded:?}");
}
