//! Forms of reading that only an evaluation has: at once, without sinks, without a window, and with a choice after the question.

use std::fs;
use std::path::Path;

use crate::common::models::shallow;
use crate::common::program::{edgeinf, scratch, stderr, stdout};
use crate::common::{ContextBuilder, load};
use crate::eval::{answer, find, lines, log_softmax, pairs};
use edgeinf::llama::{Compaction, Depth, Logits, Retain, Score};
use edgeinf::summary::prompt::{Instructions, PromptTokens};
use edgeinf::summary::request::Length;
use serde_json::{Value, json};

#[test]
fn a_choice_after_the_question_is_another_one() {
    // with one thread batches of any size give the same bits: what differs was chosen otherwise
    let dir = scratch("eval-question");
    let file = pairs(&dir);
    let output = answer(&file, &["-m", &shallow(), "--policies", "streaming,snapkv,snapkv-question"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));
    let nll = |policy: &str| find(&found, "one", policy)["nll"].as_f64().unwrap();
    let all = ["streaming", "snapkv", "snapkv-question"].map(nll);
    assert!(all.iter().all(|nll| nll.is_finite()) && all[0] != all[1] && all[1] != all[2], "{all:?}");
    let setting = &find(&found, "one", "snapkv")["setting"];
    assert_eq!((&setting["retain"], &setting["window"]), (&json!(32), &json!(96)));
    // what is replaced does not depend on the policy
    let forgotten = |policy: &str| find(&found, "one", policy)["forgotten_tokens"].clone();
    assert_eq!(forgotten("streaming"), forgotten("snapkv"));
    assert_eq!(find(&found, "one", "streaming")["budget_bytes"], find(&found, "one", "snapkv")["budget_bytes"]);
}

#[test]
fn forms_of_reading_are_other_settings() {
    let dir = scratch("eval-forms");
    let file = pairs(&dir);
    let model = shallow();
    let run = |args: &[&str]| {
        let output = answer(&file, &[&["-m", model.as_str()][..], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        lines(&stdout(&output))
    };
    let nll = |found: &[Value], policy: &str| find(found, "one", policy)["nll"].as_f64().unwrap();
    let policies = ["--policies", "streaming,snapkv,snapkv-question"];
    let usual = run(&policies);
    let once = run(&[&policies[..], &["--prefill-once"]].concat());
    for policy in ["streaming", "snapkv", "snapkv-question"] {
        assert_ne!(nll(&usual, policy), nll(&once, policy), "{policy}");
        assert_eq!(find(&usual, "one", policy)["setting"]["prefill_once"], false);
        assert_eq!(find(&once, "one", policy)["setting"]["prefill_once"], true);
    }
    let streaming = ["--policies", "streaming"];
    let no_sinks = run(&[&streaming[..], &["--no-sinks"]].concat());
    assert_eq!(find(&no_sinks, "one", "streaming")["setting"]["no_sinks"], true);
    assert!(nll(&no_sinks, "streaming").is_finite());
    let args = ["eval", "answer", "--no-window", "--segment", "64", "--gate", "random:1", "--policies", "edgeinfinite"];
    let output = edgeinf().args(args).args(["-m", &model]).arg(&file).output().unwrap();
    let found = lines(&stdout(&output));
    assert_eq!(find(&found, "one", "edgeinfinite")["setting"]["window"], 0, "{}", stderr(&output));
    assert!(nll(&found, "edgeinfinite").is_finite());
}

/// One segment that holds the whole text, one choice behind it by the attention of its last 32 tokens: computed here step by step.
#[test]
fn a_text_that_is_read_at_once_is_chosen_from_once() {
    let dir = scratch("eval-once");
    let file = pairs(&dir);
    let model = shallow();
    let output = answer(&file, &["-m", &model, "--prefill-once", "--policies", "streaming,snapkv"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let found = lines(&stdout(&output));

    let model = load(Path::new(&model));
    let prompt = PromptTokens::new(&model, &Instructions::summary(Length::default()).unwrap()).unwrap();
    let pair = &lines(&fs::read_to_string(&file).unwrap())[0];
    let tokenize = |key: &str| model.vocab().tokenize(pair[key].as_str().unwrap(), false).unwrap();
    let (document, reference) = ([prompt.prefix.clone(), tokenize("document")].concat(), tokenize("reference"));
    let n_front = prompt.prefix.len() as u32 + 4;
    // a quarter of the window is chosen, in the bytes of streaming's
    for (policy, tokens, window) in [("streaming", 0, 128), ("snapkv", 32, 96)] {
        let retain = Retain { score: Score::SnapKv, tokens, depth: Depth::Even, queries: 32, stride: 1, kernel: 7 };
        let retain = Some(retain).filter(|_| tokens > 0);
        let compaction = Compaction::Edgeinf { gate: None, n_front_max: n_front, retain, model_id: 0 };
        let mut context =
            ContextBuilder { n_cells: 2048, n_ubatch: 64, ..Default::default() }.build(&model, compaction, None);
        for part in document.chunks(64) {
            context.decode(part, Logits::None).unwrap();
        }
        context.compact(n_front, document.len() as u32 - window).unwrap();
        assert_eq!(context.n_cached(), n_front + tokens + window);
        context.set_asked(true).unwrap();
        let (last, body) = prompt.suffix.split_last().unwrap();
        context.decode(body, Logits::None).unwrap();
        context.decode(&[*last], Logits::Last).unwrap();
        let mut sum = -log_softmax(context.logits(-1).unwrap(), reference[0]);
        for pair in reference.windows(2) {
            context.decode(&pair[..1], Logits::Last).unwrap();
            sum -= log_softmax(context.logits(-1).unwrap(), pair[1]);
        }
        let (nll, told) = (sum / reference.len() as f64, find(&found, "one", policy)["nll"].as_f64().unwrap());
        // in batches of another size half precision rounds elsewhere
        assert!((told - nll).abs() < 0.005, "{policy}: {told} {nll}");
    }
    let [streaming, snapkv] =
        ["streaming", "snapkv"].map(|policy| find(&found, "one", policy)["nll"].as_f64().unwrap());
    assert!((streaming - snapkv).abs() > 0.02, "nothing shows which tokens were chosen: {streaming} {snapkv}");
}
