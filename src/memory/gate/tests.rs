use std::path::Path;

use tempfile::TempDir;

use super::random::{Rng, ln};
use super::*;
use crate::gguf::{Gguf, GgufWriter, TensorData, Value};

/// Four layers, the third without attention.
fn shape() -> ModelShape {
    let layer = LayerShape { n_head: 4, n_head_kv: 2, d_k: 8, d_v: 8 };
    let mut layers = vec![layer; 4];
    layers[2].n_head_kv = 0;
    ModelShape { architecture: "llama".into(), n_layer: 4, layers }
}

fn random(map: FeatureMap) -> Gate {
    let n_features = if map == FeatureMap::Elu { 8 } else { 6 };
    Gate::random(&shape(), map, n_features, 7).unwrap()
}

/// A gate file, taken apart.
struct Content {
    keys: Vec<(String, Value)>,
    tensors: Vec<(String, Vec<u64>, TensorData)>,
}

impl Content {
    fn of(gate: &Gate, path: &Path) -> Self {
        gate.save(path).unwrap();
        let file = Gguf::open(path).unwrap();
        let tensor = |name: &str| TensorData::F32(file.tensor_f32(name).unwrap());
        Self {
            keys: file.keys().map(|key| (key.to_owned(), file.get(key).unwrap().clone())).collect(),
            tensors: file.tensors().iter().map(|t| (t.name.clone(), t.dims.clone(), tensor(&t.name))).collect(),
        }
    }

    fn write(self, path: &Path) {
        let mut out = GgufWriter::new();
        for (key, value) in self.keys {
            out.set(key, value);
        }
        for (name, dims, data) in self.tensors {
            out.tensor(name, &dims, data);
        }
        out.write_to(path).unwrap();
    }

    fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.keys.iter_mut().find(|(name, _)| name == key).unwrap().1 = value.into();
    }

    fn remove(&mut self, name: &str) {
        let before = self.keys.len() + self.tensors.len();
        self.keys.retain(|(key, _)| key != name);
        self.tensors.retain(|(tensor, ..)| tensor != name);
        assert_eq!(self.keys.len() + self.tensors.len(), before - 1, "{name}");
    }

    fn tensor(&mut self, name: &str) -> &mut (String, Vec<u64>, TensorData) {
        self.tensors.iter_mut().find(|(tensor, ..)| tensor == name).unwrap()
    }

    fn replace(&mut self, name: &str, dims: &[u64]) {
        let data = TensorData::F32(vec![0.5; dims.iter().product::<u64>() as usize]);
        *self.tensor(name) = (name.to_owned(), dims.to_vec(), data);
    }
}

#[test]
fn saved_gates_load_again() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("g.gguf");
    for map in [FeatureMap::Elu, FeatureMap::Hedgehog] {
        let mut gate = random(map);
        gate.base_sha256 = "Ab".repeat(32);
        gate.fit = Some(FitSettings { n_sink: 4, n_window: 512, n_segment: 256 });
        gate.read_out = ReadOut::Asked;
        gate.layers.remove(&1);
        gate.scores = random_scores(&shape(), 3, 5);
        gate.save(&path).unwrap();
        assert_eq!(Gate::load(&path, &shape()).unwrap(), gate);
        let size = path.metadata().unwrap().len();

        gate.save_f16(&path).unwrap();
        assert!(path.metadata().unwrap().len() < size);
        let mut rounded = Gate::load(&path, &shape()).unwrap();
        for (il, layer) in &mut rounded.layers {
            let exact = &gate.layers[il];
            let pairs = [(&layer.w, &exact.w), (&layer.c, &exact.c)];
            let maps = layer.map_k.iter().zip(&exact.map_k);
            for (found, expected) in pairs.into_iter().chain(maps) {
                assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= e.abs() / 2048.0 + 1e-7));
            }
            *layer = exact.clone();
        }
        for (il, score) in &mut rounded.scores {
            let exact = &gate.scores[il];
            assert!(score.map.iter().zip(&exact.map).all(|(f, e)| (f - e).abs() <= e.abs() / 2048.0 + 1e-7));
            *score = exact.clone();
        }
        assert_eq!(rounded, gate);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }
}

#[test]
fn scores_are_for_all_layers_that_attend_or_for_none() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("g.gguf");
    let gate = Gate { scores: random_scores(&shape(), 3, 5), ..random(FeatureMap::Elu) };
    // without a memory
    let alone = gate.clone().without_memory();
    alone.save(&path).unwrap();
    let found = Gate::load(&path, &shape()).unwrap();
    assert_eq!((found.layers.len(), &found.scores), (0, &alone.scores));
    assert_eq!(found.scores.keys().collect::<Vec<_>>(), [&0, &1, &3]);
    assert_eq!((found.scores[&3].n_hidden(), found.scores[&3].map.len()), (3, 17 * 3 * 2));

    // shares of what is retained
    assert!(
        alone.shares().unwrap().is_even() && Gate::random(&shape(), FeatureMap::Elu, 8, 7).unwrap().shares().is_none()
    );
    let mut shared = alone.clone();
    for (score, share) in shared.scores.values_mut().zip([0.5, 0.5, 2.0]) {
        score.share = share;
    }
    shared.save_f16(&path).unwrap();
    let found = Gate::load(&path, &shape()).unwrap();
    assert_eq!(found.shares().unwrap().numbers(10), [5, 5, 20]);
    let mut content = Content::of(&shared, &path);
    content.tensor("blk.1.edgeinf_score_share").2 = TensorData::F32(vec![0.75]);
    content.write(&path);
    let error = Gate::load(&path, &shape()).unwrap_err().to_string();
    assert!(error.contains("as [0.5, 0.75, 2.0], expected numbers from 0 to 60"), "{error}");
    shared.scores.get_mut(&0).unwrap().share = -1.0;
    assert!(matches!(shared.save(&path), Err(GateError::Shares { .. })));

    let refused = |change: &dyn Fn(&mut Content)| {
        let mut content = Content::of(&gate, &path);
        change(&mut content);
        content.write(&path);
        Gate::load(&path, &shape()).unwrap_err().to_string()
    };
    let error = refused(&|content| content.remove("blk.3.edgeinf_score.weight"));
    assert!(error.contains("no tensor 'blk.3.edgeinf_score.weight'"), "{error}");
    let error = refused(&|content| content.replace("blk.1.edgeinf_score_kv.bias", &[4, 2]));
    assert!(error.contains("blk.1.edgeinf_score_kv.bias"), "{error}");
    let error = refused(&|content| content.replace("blk.1.edgeinf_score_kv.weight", &[16, 3, 2]));
    assert!(error.contains("expected [17, 3, 2]"), "{error}");
    let error = refused(&|content| content.replace("blk.1.edgeinf_score_kv.weight", &[17, 5000, 2]));
    assert!(error.contains("5000 hidden units"), "{error}");
    let error = refused(&|content| content.replace("blk.1.edgeinf_score_kv.weight", &[17, 0, 2]));
    assert!(error.contains("0 hidden units"), "{error}");
    let error = refused(&|content| {
        content.tensors.push(("blk.2.edgeinf_score.weight".into(), vec![3, 2], TensorData::F32(vec![0.5; 6])));
    });
    assert!(error.contains("layer 2"), "{error}");
}

#[test]
fn what_may_be_absent_is() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("g.gguf");
    let mut content = Content::of(&random(FeatureMap::Elu), &path);
    content.remove("blk.0.edgeinf_gate_n.weight");
    content.remove("edgeinf.base_sha256");
    content.keys.push(("general.name".into(), "a note".into()));
    content.tensor("blk.0.edgeinf_gate.bias").1 = vec![4, 1, 1];
    content.write(&path);
    let gate = Gate::load(&path, &shape()).unwrap();
    assert_eq!((&gate.layers[&0].b, gate.fit, gate.n_features), (&vec![0.0; 4], None, 8));
    assert_eq!(gate.read_out, ReadOut::Always);
    assert_eq!(gate.layers.keys().collect::<Vec<_>>(), [&0, &1, &3]);
    assert!(gate.matches_base("00") && gate.matches_base(""));
    let fitted = Gate { base_sha256: "aB".into(), ..gate };
    assert!(fitted.matches_base("Ab") && !fitted.matches_base("00"));
}

#[test]
fn wrong_files_are_refused() {
    type Edit = fn(&mut Content);
    let elu: &[(Edit, &str)] = &[
        (|c| c.remove("general.type"), "is not a gate file: its general.type is missing, expected 'adapter'; give"),
        (|c| c.keys.push(("edgeinf.read_out".into(), "never".into())), "is read 'never', expected 'always' or 'asked'"),
        (|c| c.set("general.type", "a\nmodel"), r"its general.type is 'a\nmodel', expected 'adapter'"),
        (|c| c.set("general.type", 1u32), "value of type u32 under the key 'general.type', expected string"),
        (|c| c.set("adapter.type", "lora"), "its adapter.type is 'lora', expected 'edgeinf'"),
        (|c| c.remove("edgeinf.version"), "has no key 'edgeinf.version'; use"),
        (|c| c.set("edgeinf.version", 1i32), "of type i32 under the key 'edgeinf.version', expected u32"),
        (|c| c.set("edgeinf.version", 2u32), "has gate version 2, expected 1; use"),
        (|c| c.remove("general.architecture"), "has no key 'general.architecture'"),
        (|c| c.set("general.architecture", "qwen3"), "is for the architecture 'qwen3', the model has 'llama'; use"),
        (|c| c.set("edgeinf.feature_map", "relu"), "the feature map 'relu', expected 'elu' or 'hedgehog'; use"),
        (|c| c.set("edgeinf.base_sha256", 0u32), "of type u32 under the key 'edgeinf.base_sha256', expected string"),
        (|c| c.set("edgeinf.base_sha256", "ab"), "has the base hash 'ab', expected 64 hexadecimal digits or none"),
        (|c| c.keys.push(("edgeinf.n_sink".into(), 4u32.into())), "has no key 'edgeinf.n_window'"),
        (|c| c.set("edgeinf.feature_map", "hedgehog"), "no tensor 'blk.0.edgeinf_map_q.weight', but others of layer 0"),
        (|c| c.tensors.clear(), "has no layer at all; choose"),
        (|c| c.remove("blk.3.edgeinf_gate.bias"), "no tensor 'blk.3.edgeinf_gate.bias', but others of layer 3; write"),
        (
            |c| c.replace("blk.1.edgeinf_gate_q.weight", &[4, 8]),
            "the tensor 'blk.1.edgeinf_gate_q.weight' with the dimensions [4, 8], expected [8, 4]; use",
        ),
        (|c| c.replace("blk.1.edgeinf_gate_n.weight", &[4, 2]), "with the dimensions [4, 2], expected [4]"),
        (|c| c.tensor("blk.3.edgeinf_gate_z.weight").0 = "blk.3.x".into(), "the tensor 'blk.3.x', which does not"),
        (|c| c.tensor("blk.3.edgeinf_gate.bias").0 = "blk.03.edgeinf_gate.bias".into(), "'blk.03.edgeinf_gate.bias',"),
        (|c| c.tensor("blk.3.edgeinf_gate.bias").0 = "blk.2.edgeinf_gate.bias".into(), "for layer 2, where the model,"),
        (|c| c.tensor("blk.3.edgeinf_gate.bias").0 = "blk.9.edgeinf_gate.bias".into(), "for layer 9, where the model,"),
        (
            |c| c.tensor("blk.0.edgeinf_gate.bias").2 = TensorData::F32(vec![0.0, 1.0, f32::NAN, 0.0]),
            "the value NaN at element 2 of the tensor 'blk.0.edgeinf_gate.bias'; fit",
        ),
        (
            |c| c.tensor("blk.0.edgeinf_gate.bias").2 = TensorData::rounded_to_f16(&[0.0, 1e6, 0.0, 0.0]),
            "the value inf at element 1",
        ),
        (
            |c| c.tensor("blk.0.edgeinf_gate.bias").2 = TensorData::Raw { type_id: 30, bytes: vec![0; 8] },
            "the tensor 'blk.0.edgeinf_gate.bias' as BF16, expected F32 or F16; convert",
        ),
    ];
    let hedgehog: &[(Edit, &str)] = &[
        (|c| c.set("edgeinf.feature_map", "elu"), "the tensor 'blk.0.edgeinf_map_q.weight', which does not belong"),
        (|c| c.remove("blk.1.edgeinf_map_k.weight"), "no tensor 'blk.1.edgeinf_map_k.weight', but"),
        (|c| c.replace("blk.0.edgeinf_map_k.weight", &[8, 3, 4]), "the dimensions [8, 3, 4], expected [8, 3, 2]"),
        (|c| c.replace("blk.3.edgeinf_map_q.weight", &[8, 4, 4]), "the dimensions [8, 4, 4], expected [8, 3, 4]"),
        (|c| c.replace("blk.0.edgeinf_map_q.weight", &[8, 0, 4]), "has 0 features, expected an even number"),
        (|c| c.replace("blk.0.edgeinf_map_q.weight", &[1, 32769]), "has 65538 features, expected an even number"),
    ];
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("g.gguf");
    for (map, table) in [(FeatureMap::Elu, elu), (FeatureMap::Hedgehog, hedgehog)] {
        for (edit, expected) in table {
            let mut content = Content::of(&random(map), &path);
            edit(&mut content);
            content.write(&path);
            let message = Gate::load(&path, &shape()).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}\n{expected}");
            assert!(message.starts_with(&format!("'{}' ", path.display())), "{message}");
            assert_eq!((message.lines().count(), message.matches("; ").count()), (1, 1), "{message}");
        }
    }
    assert!(matches!(Gate::load(&dir.path().join("none"), &shape()), Err(GateError::Gguf(_))));

    // as many features as keys have elements, but not in all layers
    let mut uneven = shape();
    uneven.layers[3] = LayerShape { n_head: 2, d_k: 16, ..uneven.layers[3] };
    random(FeatureMap::Elu).save(&path).unwrap();
    let message = Gate::load(&path, &uneven).unwrap_err().to_string();
    assert!(message.contains("has 8 features, but ELU gives 16 in layer 3; use a learned map"), "{message}");
}

#[test]
fn nothing_is_saved_that_could_not_be_loaded() {
    type Edit = fn(&mut Gate);
    let table: &[(Edit, &str)] = &[
        (|g| g.layers.clear(), "no layer at all"),
        (|g| g.base_sha256 = "x".into(), "the base hash 'x'"),
        (|g| g.n_features = 7, "has 7 features, expected an even number"),
        (|g| g.layers.get_mut(&0).unwrap().map_k = None, "no tensor 'blk.0.edgeinf_map_k.weight'"),
        (|g| g.layers.get_mut(&0).unwrap().a.clear(), "a GGUF file cannot be made"),
        (|g| g.layers.get_mut(&0).unwrap().b.truncate(3), "a GGUF file cannot be made"),
        (|g| g.layers.get_mut(&0).unwrap().w.truncate(31), "a GGUF file cannot be made"),
        (|g| g.layers.get_mut(&1).unwrap().map_k.as_mut().unwrap().truncate(47), "a GGUF file cannot be made"),
        (|g| g.layers.get_mut(&1).unwrap().c[1] = f32::INFINITY, "the value inf at element 1 of the tensor 'blk.1."),
    ];
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("g.gguf");
    for (edit, expected) in table {
        let mut gate = random(FeatureMap::Hedgehog);
        edit(&mut gate);
        let message = gate.save(&path).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}\n{expected}");
    }
    let mut large = random(FeatureMap::Elu);
    large.layers.get_mut(&0).unwrap().c[3] = 1e6;
    assert!(large.save_f16(&path).unwrap_err().to_string().contains("the value 1000000 at element 3"));
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[test]
fn random_gates_are_the_same_everywhere() {
    let gate = random(FeatureMap::Hedgehog);
    assert_eq!(gate.layers.keys().collect::<Vec<_>>(), [&0, &1, &3]);
    let LayerGate { w, a, b, c, map_q, map_k } = &gate.layers[&3];
    let (map_q, map_k) = (map_q.as_ref().unwrap(), map_k.as_ref().unwrap());
    assert_eq!([w, a, b, c, map_q, map_k].map(Vec::len), [32, 4, 4, 4, 96, 48]);
    let golden = [w[0], a[3], b[0], c[1], map_q[95], map_k[47]].map(f32::to_bits);
    assert_eq!(golden, GOLDEN, "{golden:#010x?}");
    assert_ne!(Gate::random(&shape(), FeatureMap::Hedgehog, 6, 8).unwrap(), gate);

    let fail = |shape: &ModelShape, map, n| Gate::random(shape, map, n, 7).unwrap_err().to_string();
    assert!(fail(&shape(), FeatureMap::Elu, 6).starts_with("a random gate has 6 features, but ELU gives 8 in layer 0"));
    assert!(fail(&shape(), FeatureMap::Hedgehog, 3).starts_with("a random gate has 3 features, expected an even"));
    let none = ModelShape { layers: Vec::new(), ..shape() };
    assert!(fail(&none, FeatureMap::Elu, 8).starts_with("a random gate has no layer at all"));
}

/// Computed by another program.
const GOLDEN: [u32; 6] = [0xbe016760, 0x3f527787, 0x3b1be0b0, 0xc0180e13, 0x3f3f0d97, 0xbdcee702];

#[test]
fn splitmix_is_the_published_one() {
    let mut rng = Rng::new(1234567);
    let expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431u64];
    assert_eq!(expected, std::array::from_fn(|_| rng.next()));
}

#[test]
fn logarithm_is_that_of_the_library() {
    let mut rng = Rng::new(1);
    for i in 0..10_000 {
        let x = rng.uniform().abs() * 2f64.powi(i % 200 - 100);
        assert!((ln(x) - x.ln()).abs() <= 4e-16 * x.ln().abs().max(1.0), "{x}");
    }
}

#[test]
fn numbers_are_normal() {
    let values = Rng::new(2).normals(200_000, -2.0, 3.0);
    let moment = |k| values.iter().map(|&v| ((f64::from(v) + 2.0) / 3.0).powi(k)).sum::<f64>() / 200_000.0;
    for (k, expected) in [(1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0)] {
        assert!((moment(k) - expected).abs() < 0.05, "moment {k} is {}", moment(k));
    }
}

#[test]
fn specs_are_read_and_shown() {
    let random = |seed, hedgehog| GateSpec::Random { seed, hedgehog };
    for (text, spec) in [
        ("random:7", random(7, None)),
        ("random:18446744073709551615:hedgehog:64", random(u64::MAX, Some(64))),
        ("gates/random", GateSpec::File("gates/random".into())),
        ("./random:7", GateSpec::File("./random:7".into())),
    ] {
        assert_eq!(text.parse::<GateSpec>().unwrap(), spec);
        assert_eq!(spec.to_string(), text);
    }
    for text in ["", "random:", "random:-1", "random:1:elu", "random:1:hedgehog", "random:1:hedgehog:7"] {
        let message = text.parse::<GateSpec>().unwrap_err().to_string();
        assert!(message.starts_with(&format!("gate '{text}' is not understood; write random:SEED")), "{message}");
    }
    for text in ["random:1:hedgehog:0", "random:1:hedgehog:65538", "random:1:hedgehog:8:2"] {
        assert!(text.parse::<GateSpec>().is_err());
    }
    assert_eq!(random(7, Some(6)).open(&shape()).unwrap(), self::random(FeatureMap::Hedgehog));
    assert_eq!(random(7, None).open(&shape()).unwrap(), self::random(FeatureMap::Elu));
    assert!(matches!(GateSpec::File("none".into()).open(&shape()), Err(GateError::Gguf(_))));
}
