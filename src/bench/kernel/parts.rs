//! Which part of the work a node of a graph belongs to.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;

use crate::llama::{Node, TensorId, TensorType};

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// Products with weights.
    Weights,
    /// The attention kernel, and K and V on their way into the cache.
    Attention,
    /// Read-out of the memory, and storing what policies go by that choose tokens.
    Memory,
    /// All other nodes: norms, rotation, activations, sums.
    Operations,
    /// Tokens that leave the cache: choosing, folding and moving.
    Compaction,
    /// Text to tokens.
    Tokenizing,
    /// The choice of the next token.
    Sampling,
    /// What no node took: building graphs, their inputs (the mask is one), and the clock itself.
    Outside,
}

impl Part {
    /// All of them, in the order of a table.
    pub const ALL: [Self; 8] = [
        Self::Weights,
        Self::Attention,
        Self::Memory,
        Self::Operations,
        Self::Compaction,
        Self::Tokenizing,
        Self::Sampling,
        Self::Outside,
    ];

    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weights => "weights",
            Self::Attention => "attention",
            Self::Memory => "memory",
            Self::Operations => "operations",
            Self::Compaction => "compaction",
            Self::Tokenizing => "tokenizing",
            Self::Sampling => "sampling",
            Self::Outside => "outside",
        }
    }
}

/// Time and operations of one part.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Time.
    pub seconds: f64,
    /// Floating-point operations of matrix products.
    pub operations: f64,
}

/// What the nodes of some graphs took, by part.
#[derive(Debug, Default)]
pub struct Tally {
    parts: BTreeMap<Part, Spent>,
    /// Operations of products with weights, by type.
    weight_types: BTreeMap<TensorType, f64>,
    /// Results that go into the read-out of the memory, in the current graph.
    of_memory: HashSet<TensorId>,
    /// Whether nodes are those of a compaction, whose time is taken as a whole.
    pub paused: bool,
}

impl Tally {
    /// Takes a node that was computed into account.
    pub fn see(&mut self, node: &Node<'_>, elapsed: Duration) {
        if self.paused {
            return;
        }
        let part = self.part_of(node);
        let spent = self.parts.entry(part).or_default();
        spent.seconds += elapsed.as_secs_f64();
        let Some(factor) = node.inputs.first().filter(|_| is_product(node)) else { return };
        let operations = 2.0 * factor.shape[0] as f64 * node.shape.iter().map(|&n| n as f64).product::<f64>();
        spent.operations += operations;
        if part == Part::Weights {
            *self.weight_types.entry(factor.kind).or_default() += operations;
        }
    }

    /// What a part took.
    pub fn spent(&self, part: Part) -> Spent {
        self.parts.get(&part).copied().unwrap_or_default()
    }

    /// The type of weights that most operations are done with.
    pub fn main_weight_type(&self) -> Option<TensorType> {
        self.weight_types.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(&kind, _)| kind)
    }

    /// Begins anew, but for the types of weights.
    pub fn reset(&mut self) {
        self.parts.clear();
    }

    fn part_of(&mut self, node: &Node<'_>) -> Part {
        let part = self.place(node);
        // a tensor of an older graph may have stood at the same address
        if part == Part::Memory && !ends_memory(&node.name) {
            self.of_memory.insert(node.id);
        } else {
            self.of_memory.remove(&node.id);
        }
        part
    }

    fn place(&self, node: &Node<'_>) -> Part {
        let weighted = node.inputs.first().is_some_and(|input| input.is_weight);
        if weighted && is_product(node) {
            return Part::Weights;
        }
        let named = |name: &str| name.starts_with("edgeinf_") && !ends_memory(name);
        if node.name.starts_with("edgeinf_")
            || node.inputs.iter().any(|input| named(&input.name) || self.of_memory.contains(&input.id))
        {
            return Part::Memory;
        }
        let cached = |name: &str| name.starts_with("cache_k") || name.starts_with("cache_v");
        let attends = matches!(&*node.op, "FLASH_ATTN_EXT" | "SOFT_MAX" | "SET_ROWS") || is_product(node);
        if attends || node.inputs.iter().any(|input| cached(&input.name)) {
            return Part::Attention;
        }
        Part::Operations
    }
}

fn is_product(node: &Node<'_>) -> bool {
    matches!(&*node.op, "MUL_MAT" | "MUL_MAT_ID")
}

/// Whether this is what the read-out gives on to the rest of the layer.
fn ends_memory(name: &str) -> bool {
    name.starts_with("edgeinf_out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llama::NodeInput;

    fn input(id: usize, name: &'static str, is_weight: bool) -> NodeInput<'static> {
        let shape = [576, 512, 1, 1];
        NodeInput { id: TensorId(id), name: name.into(), kind: TensorType::F32, shape, is_weight }
    }

    fn node(id: usize, name: &'static str, op: &'static str, inputs: Vec<NodeInput<'static>>) -> Node<'static> {
        Node { id: TensorId(id), name: name.into(), op: op.into(), shape: [192, 512, 1, 1], inputs }
    }

    fn tally(nodes: &[Node<'_>]) -> Tally {
        let mut tally = Tally::default();
        for node in nodes {
            tally.see(node, Duration::from_secs(1));
        }
        tally
    }

    #[test]
    fn nodes_are_told_apart() {
        let tally = tally(&[
            node(1, "embd", "GET_ROWS", vec![input(90, "token_embd.weight", true)]),
            node(2, "attn_norm-0", "MUL", vec![input(1, "norm-0", false), input(91, "blk.0.attn_norm.weight", true)]),
            node(3, "Qcur-0", "MUL_MAT", vec![input(92, "blk.0.attn_q.weight", true), input(2, "attn_norm-0", false)]),
            node(4, "Qcur-0", "ROPE", vec![input(3, "Qcur-0 (reshaped)", false)]),
            node(5, "cache_k_l0 (view)", "SET_ROWS", vec![input(4, "Kcur-0", false)]),
            node(6, "__fattn__-0", "FLASH_ATTN_EXT", vec![input(4, "Qcur-0 (view)", false)]),
            node(7, "node_7", "CPY", vec![input(93, "cache_v_l0 (view) (permuted)", false)]),
            node(8, "kq-0", "MUL_MAT", vec![input(94, "cache_k_l0 (view)", false), input(4, "Qcur-0", false)]),
        ]);
        assert_eq!(tally.spent(Part::Operations).seconds, 3.0);
        assert_eq!(tally.spent(Part::Attention).seconds, 4.0);
        let weights = tally.spent(Part::Weights);
        assert_eq!((weights.seconds, weights.operations), (1.0, 2.0 * 576.0 * 192.0 * 512.0));
        assert_eq!(tally.main_weight_type(), Some(TensorType::F32));
    }

    #[test]
    fn the_read_out_is_what_depends_on_the_memory_up_to_its_end() {
        let tally = tally(&[
            node(1, "edgeinf_q-0", "CONT", vec![input(90, "Qcur-0 (permuted)", false)]),
            node(2, "node_2", "UNARY", vec![input(1, "edgeinf_q-0", false)]),
            node(3, "node_3", "SCALE", vec![input(2, "node_2", false)]),
            node(4, "edgeinf_num-0", "MUL_MAT", vec![input(91, "edgeinf_m0_l0", false), input(3, "node_3", false)]),
            node(5, "node_5", "MUL", vec![input(92, "", false), input(93, "edgeinf_ln_n", false)]),
            node(6, "edgeinf_out-0", "ADD", vec![input(4, "edgeinf_num-0", false)]),
            // behind it, and one at the address of an older tensor
            node(
                7,
                "attn_out-0",
                "MUL_MAT",
                vec![input(94, "blk.0.wo", true), input(6, "edgeinf_out-0 (reshaped)", false)],
            ),
            node(8, "ffn_inp-0", "ADD", vec![input(6, "edgeinf_out-0 (reshaped)", false)]),
            node(2, "norm-1", "RMS_NORM", vec![input(8, "ffn_inp-0", false)]),
            node(9, "node_9", "SCALE", vec![input(2, "norm-1", false)]),
        ]);
        assert_eq!(tally.spent(Part::Memory).seconds, 6.0);
        assert_eq!(tally.spent(Part::Weights).seconds, 1.0);
        assert_eq!(tally.spent(Part::Operations).seconds, 3.0);
    }

    #[test]
    fn a_compaction_is_not_taken_apart() {
        let mut tally = Tally { paused: true, ..Tally::default() };
        tally.see(&node(1, "node_1", "ROPE", Vec::new()), Duration::from_secs(1));
        assert!(Part::ALL.iter().all(|&part| tally.spent(part) == Spent::default()));
    }
}
