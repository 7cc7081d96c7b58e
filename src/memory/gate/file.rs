//! Gates on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{
    FeatureMap, FitSettings, Gate, GateError, LayerGate, LayerScore, LayerShape, ModelShape, ReadOut, check_features,
};
use crate::gguf::{Gguf, GgufWriter, TensorData, quoted};

/// Version of the format.
const VERSION: u32 = 1;

/// Keys that say what the file is, and what they must say.
const KIND: [(&str, &str); 2] = [("general.type", "adapter"), ("adapter.type", "edgeinf")];

/// Hash of the model's file. Absent or empty if unknown; gguf-py writes no empty strings.
const BASE: &str = "edgeinf.base_sha256";

/// What reads from the memory; absent where everything does.
const READ_OUT: &str = "edgeinf.read_out";

/// Sizes of the fit: all there or none.
const FIT: [&str; 3] = ["edgeinf.n_sink", "edgeinf.n_window", "edgeinf.n_segment"];

/// The age up to which scores count ages.
const AGE_MAX: &str = "edgeinf.score_age_max";

// Tensors of a layer, after `blk.{i}.`
const W: &str = "edgeinf_gate_q.weight";
const A: &str = "edgeinf_gate_z.weight";
const B: &str = "edgeinf_gate_n.weight";
const C: &str = "edgeinf_gate.bias";
const MAP_Q: &str = "edgeinf_map_q.weight";
const MAP_K: &str = "edgeinf_map_k.weight";

/// All of them; ELU has the first four.
const PARTS: [&str; 6] = [W, A, B, C, MAP_Q, MAP_K];

// Tensors of a score, likewise
const SCORE_MAP: &str = "edgeinf_score_kv.weight";
const SCORE_BIAS: &str = "edgeinf_score_kv.bias";
const SCORE_WEIGHT: &str = "edgeinf_score.weight";
/// Absent where all layers retain equally many tokens.
const SCORE_SHARE: &str = "edgeinf_score_share";
const SCORE_PARTS: [&str; 4] = [SCORE_MAP, SCORE_BIAS, SCORE_WEIGHT, SCORE_SHARE];

/// Most hidden units of a score.
const MAX_HIDDEN: u64 = 4096;

impl Gate {
    /// Reads a gate and checks it against the model.
    ///
    /// # Errors
    /// [`GateError`] for anything that is missing, wrong, or not this model's.
    pub fn load(path: &Path, shape: &ModelShape) -> Result<Self, GateError> {
        Self::of(Gguf::open(path)?, named(path), shape)
    }

    pub(super) fn of(gguf: Gguf, gate: String, shape: &ModelShape) -> Result<Self, GateError> {
        let file = GateFile { gguf, gate };
        file.check_kind()?;
        let architecture = file.gguf.get_str("general.architecture")?;
        if architecture != shape.architecture {
            let (expected, found) = (quoted(&shape.architecture), quoted(architecture));
            return Err(GateError::Architecture { gate: file.gate, expected, found });
        }
        let name = file.gguf.get_str("edgeinf.feature_map")?;
        let feature_map = FeatureMap::from_name(name)
            .ok_or_else(|| GateError::FeatureMap { gate: file.gate.clone(), found: quoted(name) })?;
        let read_out = match file.gguf.get(READ_OUT) {
            Some(_) => file.gguf.get_str(READ_OUT)?,
            None => ReadOut::default().name(),
        };
        let read_out = ReadOut::from_name(read_out)
            .ok_or_else(|| GateError::ReadOut { gate: file.gate.clone(), found: quoted(read_out) })?;
        let base_sha256 = match file.gguf.get(BASE) {
            Some(_) => file.gguf.get_str(BASE)?,
            None => "",
        };
        check_base(&file.gate, base_sha256)?;
        let fit = file.fit()?;
        let scores = file.scores(shape)?;
        let (n_features, layers) = file.layers(feature_map, shape, !scores.is_empty())?;
        let (architecture, base_sha256) = (architecture.to_owned(), base_sha256.to_owned());
        let found = Self { architecture, feature_map, n_features, read_out, base_sha256, fit, layers, scores };
        if !found.scores.is_empty() {
            found.check_shares(&file.gate)?;
        }
        Ok(found)
    }

    /// Writes the gate with 32-bit floats. Whatever happens, the file is the old one or the new one, whole.
    ///
    /// # Errors
    /// [`GateError::Gguf`] if it cannot be written or its parts do not fit together, and the errors of
    /// [`load`](Self::load) for what could not be read again.
    pub fn save(&self, path: &Path) -> Result<(), GateError> {
        self.write(path, |values| TensorData::F32(values.to_vec()))
    }

    /// As [`save`](Self::save), with all numbers rounded to 16-bit floats: half the size.
    ///
    /// # Errors
    /// As [`save`](Self::save); numbers beyond 65504 count as infinite.
    pub fn save_f16(&self, path: &Path) -> Result<(), GateError> {
        self.write(path, TensorData::rounded_to_f16)
    }

    fn write(&self, path: &Path, encode: impl Fn(&[f32]) -> TensorData) -> Result<(), GateError> {
        let gate = named(path);
        check_base(&gate, &self.base_sha256)?;
        if self.layers.is_empty() && self.scores.is_empty() {
            return Err(GateError::Empty { gate });
        }
        let mut out = GgufWriter::new();
        for (key, value) in KIND {
            out.set(key, value);
        }
        out.set("general.architecture", self.architecture.as_str());
        out.set("edgeinf.version", VERSION);
        out.set("edgeinf.feature_map", self.feature_map.name());
        if self.read_out != ReadOut::default() {
            out.set(READ_OUT, self.read_out.name());
        }
        out.set(BASE, self.base_sha256.as_str());
        if let Some(FitSettings { n_sink, n_window, n_segment }) = self.fit {
            for (key, tokens) in FIT.into_iter().zip([n_sink, n_window, n_segment]) {
                out.set(key, tokens);
            }
        }
        for (&il, layer) in &self.layers {
            let shape = LayerShape::of(layer, self.n_features);
            check_features(&gate, self.feature_map, self.n_features.into(), il, &shape)?;
            for part in parts(self.feature_map) {
                let tensor = tensor_name(il, part);
                let Some(values) = layer.part(part) else {
                    return Err(GateError::Incomplete { gate, layer: il, tensor });
                };
                let dims = dims(part, &shape, self.n_features);
                add(&mut out, &gate, tensor, &dims, values, &encode)?;
            }
        }
        let age_max = self.scores.values().next().map(|score| score.age_max);
        if let Some(age_max) = age_max {
            out.set(AGE_MAX, age_max);
        }
        if !self.scores.is_empty() {
            self.check_shares(&gate)?;
        }
        let even = self.scores.values().all(|score| score.share == 1.0);
        for (&il, score) in &self.scores {
            if score.age_max == 0 || Some(score.age_max) != age_max {
                return Err(GateError::AgeMax { gate, layer: il, age_max: score.age_max });
            }
            // the order of heads and units does not matter for the number of elements
            let rows = score.bias.len() as u64;
            let n_in = (score.map.len() as u64).checked_div(rows).unwrap_or(0);
            let n_head_kv = u64::from(score.n_head_kv.max(1));
            let n_hidden = rows / n_head_kv;
            for (part, dims, values) in [
                (SCORE_MAP, &[n_in, n_hidden, n_head_kv][..], &score.map),
                (SCORE_BIAS, &[n_hidden, n_head_kv], &score.bias),
                (SCORE_WEIGHT, &[n_hidden, n_head_kv], &score.weight),
            ] {
                add(&mut out, &gate, tensor_name(il, part), dims, values, &encode)?;
            }
            if !even {
                // as they are: rounded ones would have another mean
                let share = |values: &[f32]| TensorData::F32(values.to_vec());
                add(&mut out, &gate, tensor_name(il, SCORE_SHARE), &[1], &[score.share], share)?;
            }
        }
        Ok(out.write_to(path)?)
    }
}

impl Gate {
    /// Whether its scores share out what stays.
    fn check_shares(&self, gate: &str) -> Result<(), GateError> {
        let found = || format!("{:?}", self.scores.values().map(|score| score.share).collect::<Vec<_>>());
        self.shares().map(|_| ()).ok_or_else(|| GateError::Shares { gate: gate.to_owned(), found: found() })
    }
}

/// Adds a tensor, if all of it are numbers.
fn add(
    out: &mut GgufWriter,
    gate: &str,
    tensor: String,
    dims: &[u64],
    values: &[f32],
    encode: impl Fn(&[f32]) -> TensorData,
) -> Result<(), GateError> {
    let data = encode(values);
    let not_finite = match &data {
        TensorData::F16(halves) => halves.iter().position(|half| !half.is_finite()),
        _ => values.iter().position(|value| !value.is_finite()),
    };
    if let Some(index) = not_finite {
        return Err(GateError::NotFinite { gate: gate.to_owned(), tensor, index, value: values[index] });
    }
    out.tensor(tensor, dims, data);
    Ok(())
}

impl LayerGate {
    fn part(&self, part: &str) -> Option<&[f32]> {
        match part {
            W => Some(&self.w),
            A => Some(&self.a),
            B => Some(&self.b),
            C => Some(&self.c),
            MAP_Q => self.map_q.as_deref(),
            _ => self.map_k.as_deref(),
        }
    }
}

impl LayerShape {
    /// The shape that a layer's lengths amount to. Where they do not divide, the writer refuses the result.
    fn of(layer: &LayerGate, n_features: u32) -> Self {
        let whole = |part: usize, of: u32| u32::try_from(part).unwrap_or(u32::MAX).checked_div(of).unwrap_or(0);
        let n_head = whole(layer.a.len(), 1);
        let d_k = whole(layer.w.len(), n_head);
        let per_head = d_k.saturating_mul(n_features / 2);
        Self { n_head, n_head_kv: layer.map_k.as_ref().map_or(1, |map| whole(map.len(), per_head)), d_k, d_v: 0 }
    }
}

fn parts(map: FeatureMap) -> &'static [&'static str] {
    match map {
        FeatureMap::Elu => &PARTS[..4],
        FeatureMap::Hedgehog => &PARTS,
    }
}

fn dims(part: &str, layer: &LayerShape, n_features: u32) -> Vec<u64> {
    let LayerShape { n_head, n_head_kv, d_k, .. } = *layer;
    let dims: &[u32] = match part {
        W => &[d_k, n_head],
        MAP_Q => &[d_k, n_features / 2, n_head],
        MAP_K => &[d_k, n_features / 2, n_head_kv],
        _ => &[n_head],
    };
    dims.iter().map(|&dim| dim.into()).collect()
}

fn tensor_name(il: u32, part: &str) -> String {
    format!("blk.{il}.{part}")
}

fn named(path: &Path) -> String {
    format!("'{}'", path.display())
}

fn check_base(gate: &str, sha256: &str) -> Result<(), GateError> {
    if sha256.is_empty() || (sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Ok(());
    }
    Err(GateError::BaseHash { gate: gate.to_owned(), found: quoted(sha256) })
}

/// An open file, with its name for messages.
struct GateFile {
    gguf: Gguf,
    gate: String,
}

impl GateFile {
    fn gate(&self) -> String {
        self.gate.clone()
    }

    fn check_kind(&self) -> Result<(), GateError> {
        for (key, expected) in KIND {
            let found = match self.gguf.get(key) {
                None => "missing".to_owned(),
                Some(_) => match self.gguf.get_str(key)? {
                    value if value == expected => continue,
                    other => quoted(other),
                },
            };
            return Err(GateError::NotAGate { gate: self.gate(), key, expected, found });
        }
        match self.gguf.get_u32("edgeinf.version")? {
            VERSION => Ok(()),
            found => Err(GateError::Version { gate: self.gate(), expected: VERSION, found }),
        }
    }

    fn fit(&self) -> Result<Option<FitSettings>, GateError> {
        if FIT.iter().all(|key| self.gguf.get(key).is_none()) {
            return Ok(None);
        }
        let [n_sink, n_window, n_segment] = FIT.map(|key| self.gguf.get_u32(key));
        Ok(Some(FitSettings { n_sink: n_sink?, n_window: n_window?, n_segment: n_segment? }))
    }

    /// What tokens are worth keeping: in all layers with attention, or in none.
    fn scores(&self, shape: &ModelShape) -> Result<BTreeMap<u32, LayerScore>, GateError> {
        let mut scores = BTreeMap::new();
        let is_there = |part: &str| self.gguf.tensors().iter().any(|tensor| tensor.name.ends_with(part));
        if !SCORE_PARTS.into_iter().any(is_there) {
            return Ok(scores);
        }
        let age_max = self.gguf.get_u32(AGE_MAX)?;
        for (il, layer) in shape.attention() {
            if age_max == 0 {
                return Err(GateError::AgeMax { gate: self.gate(), layer: il, age_max });
            }
            let missing = |part| GateError::Incomplete { gate: self.gate(), layer: il, tensor: tensor_name(il, part) };
            let map = tensor_name(il, SCORE_MAP);
            let n_hidden = self.gguf.tensor(&map).ok_or_else(|| missing(SCORE_MAP))?.dims.get(1).copied().unwrap_or(1);
            if !(1..=MAX_HIDDEN).contains(&n_hidden) {
                return Err(GateError::Hidden { gate: self.gate(), layer: il, n_hidden });
            }
            let heads = u64::from(layer.n_head_kv);
            let need =
                |part, dims: &[u64]| self.values(&tensor_name(il, part), dims.to_vec())?.ok_or_else(|| missing(part));
            let score = LayerScore {
                n_head_kv: layer.n_head_kv,
                age_max,
                map: need(SCORE_MAP, &[u64::from(layer.d_k) + u64::from(layer.d_v) + 1, n_hidden, heads])?,
                bias: need(SCORE_BIAS, &[n_hidden, heads])?,
                weight: need(SCORE_WEIGHT, &[n_hidden, heads])?,
                share: self.values(&tensor_name(il, SCORE_SHARE), vec![1])?.map_or(1.0, |share| share[0]),
            };
            scores.insert(il, score);
        }
        Ok(scores)
    }

    /// The width of the feature map, and all layers; none is enough beside scores.
    fn layers(
        &self,
        map: FeatureMap,
        shape: &ModelShape,
        may_be_empty: bool,
    ) -> Result<(u32, BTreeMap<u32, LayerGate>), GateError> {
        let find = |il| {
            let missing = || GateError::NoSuchLayer { gate: self.gate(), layer: il, n_layer: shape.n_layer };
            shape.layer(il).map(|layer| (il, layer)).ok_or_else(missing)
        };
        let shapes = self.layer_numbers(map, shape)?.into_iter().map(find).collect::<Result<Vec<_>, _>>()?;
        if shapes.is_empty() && may_be_empty {
            return Ok((0, BTreeMap::new()));
        }
        // the first layer decides, the others must agree
        let &(first, layer) = shapes.first().ok_or_else(|| GateError::Empty { gate: self.gate() })?;
        let width = self.width(map, first, layer)?;
        let n_features =
            u32::try_from(width).map_err(|_| GateError::MapWidth { gate: self.gate(), n_features: width })?;
        let mut layers = BTreeMap::new();
        for (il, layer) in shapes {
            check_features(&self.gate, map, width, il, layer)?;
            layers.insert(il, self.layer(map, il, layer, n_features)?);
        }
        Ok((n_features, layers))
    }

    /// Numbers of the layers that have tensors of a memory. Refuses tensors with any other name.
    fn layer_numbers(&self, map: FeatureMap, shape: &ModelShape) -> Result<BTreeSet<u32>, GateError> {
        let mut numbers = BTreeSet::new();
        for tensor in self.gguf.tensors() {
            let split = tensor.name.strip_prefix("blk.").and_then(|rest| rest.split_once('.'));
            let number = split.and_then(|(number, part)| {
                let il = number.parse().ok().filter(|il: &u32| il.to_string() == number)?;
                let of_score = SCORE_PARTS.contains(&part);
                (of_score || parts(map).contains(&part)).then_some((il, of_score))
            });
            let unknown = || GateError::UnknownTensor { gate: self.gate(), tensor: quoted(&tensor.name), map };
            let (il, of_score) = number.ok_or_else(unknown)?;
            if !of_score {
                numbers.insert(il);
            } else if shape.layer(il).is_none() {
                return Err(GateError::NoSuchLayer { gate: self.gate(), layer: il, n_layer: shape.n_layer });
            }
        }
        Ok(numbers)
    }

    /// Features of the map in this layer.
    fn width(&self, map: FeatureMap, il: u32, layer: &LayerShape) -> Result<u64, GateError> {
        match map {
            FeatureMap::Elu => Ok(layer.d_k.into()),
            FeatureMap::Hedgehog => {
                let tensor = tensor_name(il, MAP_Q);
                match self.gguf.tensor(&tensor) {
                    Some(info) => Ok(info.dims.get(1).map_or(2, |rows| rows.saturating_mul(2))),
                    None => Err(GateError::Incomplete { gate: self.gate(), layer: il, tensor }),
                }
            }
        }
    }

    fn layer(&self, map: FeatureMap, il: u32, layer: &LayerShape, n_features: u32) -> Result<LayerGate, GateError> {
        let read = |part| self.values(&tensor_name(il, part), dims(part, layer, n_features));
        let need = |part| {
            let missing = || GateError::Incomplete { gate: self.gate(), layer: il, tensor: tensor_name(il, part) };
            read(part)?.ok_or_else(missing)
        };
        let learned = |part| (map == FeatureMap::Hedgehog).then(|| need(part)).transpose();
        Ok(LayerGate {
            w: need(W)?,
            a: need(A)?,
            b: read(B)?.unwrap_or_else(|| vec![0.0; layer.n_head as usize]),
            c: need(C)?,
            map_q: learned(MAP_Q)?,
            map_k: learned(MAP_K)?,
        })
    }

    /// The numbers of a tensor, if it is there.
    fn values(&self, tensor: &str, expected: Vec<u64>) -> Result<Option<Vec<f32>>, GateError> {
        let Some(info) = self.gguf.tensor(tensor) else {
            return Ok(None);
        };
        let (gate, name) = (self.gate(), tensor.to_owned());
        // dimensions of 1 at the end mean nothing to ggml
        let core = |dims: &[u64]| dims.iter().rposition(|&dim| dim != 1).map_or(0, |last| last + 1);
        if info.dims[..core(&info.dims)] != expected[..core(&expected)] {
            return Err(GateError::Shape { gate, tensor: name, expected, found: info.dims.clone() });
        }
        let values = self.gguf.tensor_f32(tensor)?;
        match values.iter().position(|value| !value.is_finite()) {
            Some(index) => Err(GateError::NotFinite { gate, tensor: name, index, value: values[index] }),
            None => Ok(Some(values)),
        }
    }
}
