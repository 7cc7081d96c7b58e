//! What each policy must forget, and what it must not, to the bit.

use crate::common::retaining::{FRONT, LEARNED, PYRAMID, RETAIN, WINDOW, gate_for};
use crate::common::tiny::Tiny;
use crate::common::{ContextBuilder, load, max_diff};
use edgeinf::llama::{Compaction, Context, Logits, Model, NativeGate, Retain};

/// A context on a model with a single layer that attends, in which a token can only act through its own key and value there.
fn one_layer(model: &Model, retain: Option<Retain>) -> Context<'_> {
    let gate = retain.and_then(|retain| gate_for(model, retain, false));
    let gate = gate.map(|gate| NativeGate::new(model, &gate).unwrap());
    let compaction = Compaction::Edgeinf { gate, n_front_max: FRONT as u32, retain, model_id: 0 };
    ContextBuilder { n_cells: 192, n_ubatch: 64, ..Default::default() }.build(model, compaction, None)
}

const MIDDLE: std::ops::Range<usize> = FRONT..FRONT + 80;

/// When the middle of a text leaves the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    Never,
    /// When the window was read, before anything is asked.
    Before,
    /// After the question, whose queries have a say.
    Asked,
}

/// Logits after a text of whose middle a part may have left the cache, and the keys that stand behind the front of a layer then.
fn after(context: &mut Context<'_>, il: u32, text: &[i32], leaves: Leaves) -> (Vec<f32>, Vec<Vec<f32>>) {
    context.clear();
    context.set_asked(false).unwrap();
    let (early, late) = text.split_at(MIDDLE.end + WINDOW);
    context.decode(early, Logits::None).unwrap();
    let (body, late) = late.split_at(if leaves == Leaves::Asked { late.len() - 1 } else { 0 });
    if leaves == Leaves::Asked {
        context.set_asked(true).unwrap();
        context.decode(body, Logits::None).unwrap();
    }
    if leaves != Leaves::Never {
        context.compact(MIDDLE.start as u32, MIDDLE.end as u32).unwrap();
    }
    let stayed = FRONT as u32..context.n_cached() - (WINDOW + body.len()) as u32;
    // a layer that retains less than others has only some of the slots
    let keys = stayed.filter_map(|i| context.key_of_token(il, i, false)).collect();
    context.decode(late, Logits::Last).unwrap();
    (context.logits(-1).unwrap().to_vec(), keys)
}

/// A token in the place of which another one was put.
struct Change {
    token: usize,
    /// Whether the logits in the end are others.
    matters: bool,
    /// Whether the keys that stayed are others.
    choice: bool,
}

fn change_each(model: &Model, il: u32, text: &[i32], retain: Option<Retain>, leaves: Leaves) -> Vec<Change> {
    let mut context = one_layer(model, retain);
    let own = after(&mut context, il, text, leaves);
    (0..text.len())
        .map(|token| {
            let mut other = text.to_vec();
            other[token] = (other[token] + 1) % 256;
            let found = after(&mut context, il, &other, leaves);
            Change { token, matters: found.0 != own.0, choice: found.1 != own.1 }
        })
        .collect()
}

/// No token twice: its keys would be those of the other one.
fn distinct_tokens() -> Vec<i32> {
    (0..MIDDLE.end + WINDOW + 8).map(|i| (i as i32 * 37 + 5) % 256).collect()
}

/// Each token that a choice dropped has to be without effect, each that it kept has to have one. `il` is the layer that attends.
fn assert_forgets_the_rest(model: &Model, il: u32, retain: Retain, leaves: Leaves) {
    let text = distinct_tokens();
    // what is kept is read off the keys
    let all = after(&mut one_layer(model, None), il, &text, Leaves::Never).1;
    let kept = after(&mut one_layer(model, Some(retain)), il, &text, leaves).1;
    let n_keep = retain.by_layer(&model.shape())[il as usize] as usize;
    assert_eq!(kept.len(), n_keep);
    let held = |token: usize| {
        let key = &all[token - FRONT];
        (0..2).any(|h| kept.iter().any(|k| max_diff(&k[h * 64..][..64], &key[h * 64..][..64]) < 1e-2))
    };
    let (mut stayed, mut left, mut chosen_anew) = (0, 0, 0);
    for change in change_each(model, il, &text, Some(retain), leaves) {
        let token = change.token;
        let what = format!("{:?}, {leaves:?}, layer {il}, token {token}", retain.depth);
        if !MIDDLE.contains(&token) || held(token) {
            assert!(change.matters, "{what} was kept and does not matter");
            stayed += usize::from(MIDDLE.contains(&token));
        } else if change.choice {
            // the other token, or a neighbour of it, is attended to
            chosen_anew += 1;
        } else {
            assert!(!change.matters, "{what} was dropped and matters");
            left += 1;
        }
    }
    println!(
        "{:?}, {leaves:?}, layer {il}: {stayed} stayed, {left} left, {chosen_anew} would be chosen anew",
        retain.depth
    );
    assert!(stayed >= n_keep && left >= 5, "{stayed} stayed, {left} left");
}

#[test]
fn each_policy_forgets_what_it_must_and_nothing_else() {
    let model = load(&Tiny { n_layer: 1, ..Tiny::new("llama") }.write());
    let text = distinct_tokens();
    let full = change_each(&model, 0, &text, None, Leaves::Never);
    assert!(full.iter().all(|change| change.matters), "full attention forgot something");

    for change in change_each(&model, 0, &text, None, Leaves::Before) {
        assert_eq!(change.matters, !MIDDLE.contains(&change.token), "streaming, token {}", change.token);
    }
    for retain in [RETAIN, PYRAMID, LEARNED] {
        assert_forgets_the_rest(&model, 0, retain, Leaves::Before);
    }
    // policy snapkv-question
    assert_forgets_the_rest(&model, 0, RETAIN, Leaves::Asked);
}

/// With the question before the choice another question may keep other tokens; without, none does.
#[test]
fn what_a_question_keeps_is_its_own() {
    let model = load(&Tiny { n_layer: 1, ..Tiny::new("llama") }.write());
    let text = distinct_tokens();
    let mut other = text.clone();
    let asked = MIDDLE.end + WINDOW..text.len() - 1;
    for token in &mut other[asked] {
        *token = (*token + 100) % 256;
    }
    let mut context = one_layer(&model, Some(RETAIN));
    for (leaves, alike) in [(Leaves::Before, true), (Leaves::Asked, false)] {
        let [own, others] = [&text, &other].map(|text| after(&mut context, 0, text, leaves).1);
        assert_eq!(own == others, alike, "{leaves:?}");
    }
}

#[test]
fn each_layer_forgets_what_its_own_budget_does_not_hold() {
    for il in 0..4 {
        let model = load(&Tiny { n_layer: 4, attends: Some(il), ..Tiny::new("llama") }.write());
        let budgets = PYRAMID.by_layer(&model.shape());
        assert!(budgets.is_sorted_by(|a, b| a > b), "{budgets:?}");
        assert_forgets_the_rest(&model, il, PYRAMID, Leaves::Before);
    }
}
