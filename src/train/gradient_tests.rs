//! Gradients of everything that is fitted, against differences of the loss, on a tiny model whose memory says much.

use std::sync::Arc;

use super::adam::{parts, parts_mut};
use super::beside::Beside;
use super::examples::Example;
use super::loss::{Predicted, Weights};
use super::objective::{Objective, Other, Student};
use super::pass::{LayerGates, Machine};
use super::schedule::{Asked, Schedule};
use super::tensors::tensor;
use super::test_values::values;
use super::weights::{Architecture, Config, Frozen, Layer};
use crate::memory::gate::{FeatureMap, Gate, ReadOut, random_scores};
use crate::memory::layout::Layout;

const N_EMBD: usize = 24;
const N_FF: usize = 20;
const N_VOCAB: usize = 40;
const D: usize = 8;
const N_TOKENS: usize = 90;

fn matrix(rows: usize, columns: usize, seed: u64) -> candle_core::Tensor {
    let scale = 1.5 * (3.0 / columns as f32).sqrt();
    tensor(values(rows * columns, seed).into_iter().map(|x| scale * x).collect(), (rows, columns)).unwrap()
}

fn norm(n: usize, seed: u64) -> Vec<f32> {
    values(n, seed).into_iter().map(|x| 1.0 + 0.2 * x).collect()
}

fn model(architecture: Architecture) -> Frozen {
    let config = Config {
        architecture,
        n_layer: 3,
        n_embd: N_EMBD,
        n_head: 4,
        n_head_kv: 2,
        d_head: D,
        n_rot: D,
        rope_base: 1e4,
        eps: 1e-5,
        n_ctx_train: 512,
    };
    let layer = |il: u64| Layer {
        attn_norm: norm(N_EMBD, 10 * il + 1),
        wqkv: matrix(8 * D, N_EMBD, 10 * il + 2),
        bias: (architecture == Architecture::Qwen2).then(|| values(8 * D, 10 * il + 3)),
        head_norms: (architecture == Architecture::Qwen3).then(|| [norm(D, 10 * il + 4), norm(D, 10 * il + 5)]),
        wo: matrix(N_EMBD, 4 * D, 10 * il + 6),
        ffn_norm: norm(N_EMBD, 10 * il + 7),
        w_gate_up: matrix(2 * N_FF, N_EMBD, 10 * il + 8),
        w_down: matrix(N_EMBD, N_FF, 10 * il + 9),
    };
    Frozen {
        layers: (0..3).map(layer).collect(),
        embedding: matrix(N_VOCAB, N_EMBD, 101),
        output_norm: norm(N_EMBD, 102),
        output: matrix(N_VOCAB, N_EMBD, 103),
        rope_factors: None,
        config,
    }
}

/// Eight compactions and more.
fn schedule() -> Schedule {
    let layout = Layout { n_front: 5, n_retain: 0, window: 7, segment: 6, n_cells: 18, n_aside: 0 };
    let schedule = Schedule::windowed(&layout, N_TOKENS, &[]);
    assert!(schedule.blocks.len() > 8 && schedule.forgotten().len() > 60);
    schedule
}

struct Problem {
    machine: Machine,
    schedule: Schedule,
    tokens: Vec<i32>,
    teacher: candle_core::Tensor,
}

const WEIGHTS: Weights = Weights { kl: 1.0, nll: 0.3 };
const FIRST: usize = 30;

impl Problem {
    fn new(architecture: Architecture) -> Self {
        let tokens: Vec<i32> = values(N_TOKENS, 7).iter().map(|x| ((x + 1.0) * 0.5 * N_VOCAB as f32) as i32).collect();
        let machine = Machine::new(model(architecture), N_TOKENS, Arc::default());
        let hidden = machine.read(&tokens, &Schedule::full(N_TOKENS, &[]), &LayerGates::new()).unwrap();
        let teacher = machine.model.last_states(&hidden, FIRST, N_TOKENS - FIRST - 1).unwrap();
        Self { machine, schedule: schedule(), tokens, teacher }
    }

    fn predicted(&self) -> Predicted<'_> {
        Predicted { first: FIRST, next: &self.tokens[FIRST + 1..], teacher: Some(&self.teacher) }
    }

    fn loss(&self, gates: &LayerGates) -> f64 {
        let hidden = self.machine.read(&self.tokens, &self.schedule, gates).unwrap();
        let losses = self.machine.model.losses(&hidden, self.predicted()).unwrap();
        WEIGHTS.kl * losses.kl + WEIGHTS.nll * losses.nll
    }

    fn gradient(&self, gates: &LayerGates, through: usize) -> (f64, LayerGates) {
        let passed = self.machine.forward(&self.tokens, &self.schedule, gates, None).unwrap();
        let (losses, d_hidden) = self.machine.model.losses_backward(&passed.hidden, self.predicted(), WEIGHTS).unwrap();
        let gradient = self.machine.backward(passed, d_hidden, &self.schedule, gates, None, through).unwrap();
        (WEIGHTS.kl * losses.kl + WEIGHTS.nll * losses.nll, gradient)
    }
}

/// Compares along a random direction in each part of each layer.
fn check(architecture: Architecture, map: FeatureMap, n_features: u32) {
    let problem = Problem::new(architecture);
    let mut gate = Gate::random(&problem.machine.model.config.shape(), map, n_features, 3).unwrap();
    for layer in gate.layers.values_mut() {
        // open enough that all of it matters
        layer.c.iter_mut().for_each(|c| *c += 1.5);
    }
    // a layer between without a memory
    gate.layers.remove(&1);
    let gates = gate.layers;
    let (loss, gradient) = problem.gradient(&gates, usize::MAX);
    assert!((loss - problem.loss(&gates)).abs() < 1e-6);
    for il in [0, 2] {
        for (i, (_, name, values_of)) in parts(&gradient[&il]).enumerate() {
            let direction = values(values_of.len(), 1_000 + i as u64);
            let expected: f64 = values_of.iter().zip(&direction).map(|(&g, &d)| f64::from(g) * f64::from(d)).sum();
            let moved = |by: f32| {
                let mut gates = gates.clone();
                let (_, _, part) = gates.get_mut(&il).and_then(|gate| parts_mut(gate).nth(i)).unwrap();
                part.iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
                problem.loss(&gates)
            };
            // a step small enough for each part and large enough for 32 bits
            let by = 2e-2 / (values_of.len() as f32).sqrt();
            let found = (moved(by) - moved(-by)) / (2.0 * f64::from(by));
            let limit = 2e-2 * expected.abs() + 2e-4;
            assert!(
                (found - expected).abs() < limit,
                "{architecture:?} {map} layer {il} {name}: {found}, not {expected}"
            );
        }
    }
}

#[test]
fn gradients_of_a_learned_map_are_those_of_differences() {
    check(Architecture::Llama, FeatureMap::Hedgehog, 12);
    check(Architecture::Qwen2, FeatureMap::Hedgehog, 12);
    check(Architecture::Qwen3, FeatureMap::Hedgehog, 12);
}

#[test]
fn gradients_with_elu_are_those_of_differences() {
    check(Architecture::Qwen3, FeatureMap::Elu, D as u32);
}

/// Gates of the last layer have no say in what earlier tokens become: there nothing is left out.
#[test]
fn gradients_through_the_last_tokens_are_whole_in_the_last_layer() {
    let problem = Problem::new(Architecture::Llama);
    let mut gate = Gate::random(&problem.machine.model.config.shape(), FeatureMap::Hedgehog, 12, 3).unwrap();
    gate.layers.retain(|&il, _| il == 2);
    let [all, last] = [usize::MAX, N_TOKENS - FIRST].map(|through| problem.gradient(&gate.layers, through).1);
    for ((_, name, all), (_, _, last)) in parts(&all[&2]).zip(parts(&last[&2])) {
        assert!(all.iter().any(|&x| x.abs() > 1e-4), "{name}");
        assert!(all.iter().zip(last).all(|(a, b)| (a - b).abs() < 1e-6), "{name}");
    }
}

/// A document with answers, and another document; the tokens of what is asked are those of the whole text.
fn example(tokens: &[i32], asked: &[(usize, Asked)]) -> Example {
    let layout = Layout { n_front: 5, n_retain: 0, window: 7, segment: 6, n_cells: 560, n_aside: 0 };
    let n_text = 600;
    let schedules: Vec<Asked> = asked.iter().map(|&(_, asked)| asked).collect();
    let schedule = Schedule::windowed(&layout, n_text, &schedules);
    assert!(schedule.forgotten().len() > 500);
    let behind = asked.iter().flat_map(|&(at, asked)| &tokens[at..at + asked.n_tokens()]);
    Example {
        id: format!("{asked:?}"),
        kind: 0,
        tokens: tokens[..n_text].iter().chain(behind).copied().collect(),
        n_prefix: 3,
        n_document: n_text - 3,
        asked: schedules,
        streaming: schedule.clone(),
        schedule,
    }
}

#[test]
fn answers_asked_together_are_those_asked_alone() {
    let tokens: Vec<i32> = values(700, 9).iter().map(|x| ((x + 1.0) * 0.5 * N_VOCAB as f32) as i32).collect();
    let machine = Machine::new(model(Architecture::Llama), 700, Arc::default());
    let gate = Gate::random(&machine.model.config.shape(), FeatureMap::Hedgehog, 12, 3).unwrap();
    let objective = Objective { nll: 0.3, contrast: 0.7, contrast_every: 1, through: usize::MAX };
    let other: Vec<i32> = tokens.iter().rev().copied().collect();
    let mut student = Student::new(&machine, ReadOut::Always, 0);
    let mut step = |asked: &[(usize, Asked)]| {
        let example = example(&tokens, asked);
        let other = Other::Tokens(example.with_document(&other[..example.n_document]));
        student.step(&example, Some(&other), &gate.layers, objective).unwrap()
    };
    let asked = [(600, Asked { n_suffix: 9, n_answer: 12 }), (640, Asked { n_suffix: 9, n_answer: 31 })];
    let (together, gradient) = step(&asked);
    let [(first, of_first), (second, of_second)] = asked.map(|asked| step(&[asked]));
    assert!((together.loss - 0.5 * (first.loss + second.loss)).abs() < 1e-5);
    for (found, alone) in together.answers.iter().zip([&first, &second]) {
        assert!((found.own.kl - alone.answers[0].own.kl).abs() < 1e-5);
        assert!((found.nll_other.unwrap() - alone.answers[0].nll_other.unwrap()).abs() < 1e-5);
    }
    for il in [0, 1, 2] {
        let alone = parts(&of_first[&il]).zip(parts(&of_second[&il]));
        for ((_, name, found), ((_, _, a), (_, _, b))) in parts(&gradient[&il]).zip(alone) {
            assert!(found.iter().any(|&x| x.abs() > 1e-5), "{name}");
            let differs = |((x, a), b): ((&f32, &f32), &f32)| (x - 0.5 * (a + b)).abs() > 1e-5 + 1e-3 * x.abs();
            assert!(!found.iter().zip(a).zip(b).any(differs), "layer {il} {name}");
        }
    }
}

/// Where the text is read by itself, gradients leave nothing out: those of the whole loss, contrast and all.
#[test]
fn gradients_of_what_is_asked_are_those_of_differences() {
    check_asked(None);
}

#[test]
fn gradients_beside_retained_tokens_are_those_of_differences() {
    let shape = model(Architecture::Qwen3).config.shape();
    // one layer retains nothing, and each head of another one keeps its own
    check_asked(Some(Beside::new(random_scores(&shape, 4, 5), vec![40, 9, 0], 3)));
}

fn check_asked(beside: Option<Beside>) {
    let tokens: Vec<i32> = values(1_400, 9).iter().map(|x| ((x + 1.0) * 0.5 * N_VOCAB as f32) as i32).collect();
    let machine = Machine::new(model(Architecture::Qwen3), 700, Arc::default()).beside(beside);
    let mut gates = Gate::random(&machine.model.config.shape(), FeatureMap::Hedgehog, 12, 3).unwrap().layers;
    for layer in gates.values_mut() {
        layer.c.iter_mut().for_each(|c| *c += 1.5);
    }
    gates.remove(&1);
    let asked = [(600, Asked { n_suffix: 9, n_answer: 12 }), (640, Asked { n_suffix: 5, n_answer: 31 })];
    let (own, mut other) = (example(&tokens, &asked), example(&tokens[700..], &asked));
    other.id = "other".into();
    let objective = Objective { nll: 0.3, contrast: 0.7, contrast_every: 1, through: 1 };
    let mut student = Student::new(&machine, ReadOut::Asked, usize::MAX);
    let mut step = |gates: &LayerGates| student.step(&own, Some(&Other::Example(&other)), gates, objective).unwrap();
    let (found, gradient) = step(&gates);
    assert!(found.answers.iter().all(|answer| answer.nll_other.is_some()));
    for il in [0, 2] {
        for (i, (_, name, values_of)) in parts(&gradient[&il]).enumerate() {
            let direction = values(values_of.len(), 1_000 + i as u64);
            let expected: f64 = values_of.iter().zip(&direction).map(|(&g, &d)| f64::from(g) * f64::from(d)).sum();
            let mut moved = |by: f32| {
                let mut gates = gates.clone();
                let (_, _, part) = gates.get_mut(&il).and_then(|gate| parts_mut(gate).nth(i)).unwrap();
                part.iter_mut().zip(&direction).for_each(|(x, d)| *x += by * d);
                step(&gates).0.loss
            };
            // two steps, as the number of folded tokens makes a part of the gate curved
            let mut slope = |by: f32| (moved(by) - moved(-by)) / (2.0 * f64::from(by));
            let by = 2e-2 / (values_of.len() as f32).sqrt();
            let difference = (4.0 * slope(0.5 * by) - slope(by)) / 3.0;
            let limit = 2e-2 * expected.abs() + 2e-4;
            assert!((difference - expected).abs() < limit, "layer {il} {name}: {difference}, not {expected}");
        }
    }
}

#[test]
fn a_teacher_of_the_same_cache_has_no_gradient() {
    let mut problem = Problem::new(Architecture::Llama);
    let gate = Gate::random(&problem.machine.model.config.shape(), FeatureMap::Elu, D as u32, 3).unwrap();
    let hidden = problem.machine.read(&problem.tokens, &problem.schedule, &gate.layers).unwrap();
    problem.teacher = problem.machine.model.last_states(&hidden, FIRST, N_TOKENS - FIRST - 1).unwrap();
    let losses = problem.machine.model.losses(&hidden, problem.predicted()).unwrap();
    assert!(losses.kl.abs() < 1e-6, "{losses:?}");
}
