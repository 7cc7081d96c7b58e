//! Learning curves: what the log tells, as plots.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::checkpoint::beside;
use super::error::TrainError;
use super::log::{HeldOutLine, Line, StepLine};
use crate::eval::report::plots::axis::{Axis, Scale};
use crate::eval::report::plots::chart::{Chart, Point, Series};
use crate::eval::report::plots::marker::Marker;

/// Steps that a point of the curve of training is a mean of.
const STEPS_PER_POINT: usize = 10;

/// Along.
const STEPS: Axis = Axis { label: "steps", scale: Scale::Linear, show: |value| format!("{value:.0}") };

fn nats(label: &'static str) -> Axis {
    Axis { label, scale: Scale::Linear, show: |value| format!("{value:.3}") }
}

/// Writes the plots of a log beside a gate: `NAME.training.svg`, and, where something was held out, `NAME.held-out.svg` and
/// `NAME.specific.svg`.
///
/// # Errors
/// [`TrainError::Io`] and those of plots.
pub fn draw(log: &Path, gate: &Path) -> Result<(), TrainError> {
    let text = fs::read_to_string(log).map_err(|cause| failed("read", log, cause))?;
    let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (name, chart) in charts(&lines) {
        if let Some(svg) = chart.svg()? {
            let path = beside(gate, &format!("{name}.svg"));
            fs::write(&path, svg).map_err(|cause| failed("written", &path, cause))?;
        }
    }
    Ok(())
}

fn failed(action: &'static str, path: &Path, cause: io::Error) -> TrainError {
    TrainError::Io { action, path: PathBuf::from(path), cause }
}

fn charts(lines: &[Line]) -> Vec<(&'static str, Chart)> {
    let steps: Vec<&StepLine> =
        lines.iter().filter_map(|line| if let Line::Step(step) = line { Some(step) } else { None }).collect();
    let held: Vec<&HeldOutLine> =
        lines.iter().filter_map(|line| if let Line::HeldOut(held) = line { Some(held) } else { None }).collect();
    let of_steps = |value: fn(&StepLine) -> f64| -> Vec<Point> {
        let mean = |part: &[&StepLine]| part.iter().map(|step| value(step)).sum::<f64>() / part.len() as f64;
        steps.chunks(STEPS_PER_POINT).map(|part| point(part[part.len() - 1].step, mean(part))).collect()
    };
    let of_held = |value: fn(&HeldOutLine) -> Option<f64>| -> Vec<Point> {
        held.iter().filter_map(|line| Some(point(line.step, value(line)?))).collect()
    };
    let pairs = held.first().map_or(0, |line| line.held_out);
    vec![
        (
            "training",
            Chart {
                title: "Training".into(),
                x: STEPS,
                y: nats("nats per token"),
                series: series([
                    ("KL(full attention || memory)", of_steps(|step| step.kl)),
                    ("-ln p of what is predicted", of_steps(|step| step.nll)),
                ]),
                notes: vec![format!("each point: mean of {STEPS_PER_POINT} steps")],
            },
        ),
        (
            "held-out",
            Chart {
                title: format!("KL to full attention on {pairs} answers held out"),
                x: STEPS,
                y: nats("KL(full || policy) (nats per token)"),
                series: series([
                    ("memory", of_held(|line| Some(line.kl))),
                    ("streaming, same bytes", of_held(|line| Some(line.kl_streaming))),
                ]),
                notes: Vec::new(),
            },
        ),
        (
            "specific",
            Chart {
                title: format!("What the folded part is worth on {pairs} answers held out"),
                x: STEPS,
                y: nats("specific gain (nats per token)"),
                series: series([("memory", of_held(|line| line.specific))]),
                notes: Vec::new(),
            },
        ),
    ]
}

fn point(step: u64, y: f64) -> Point {
    Point { x: step as f64, y, interval: None, hollow: false }
}

fn series<const N: usize>(all: [(&str, Vec<Point>); N]) -> Vec<Series> {
    let named = all.into_iter().enumerate().filter(|(_, (_, points))| !points.is_empty());
    named.map(|(i, (label, points))| Series { label: label.into(), marker: Marker::nth(i), points }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64, kl: f64) -> Line {
        Line::Step(StepLine {
            step,
            id: "a".into(),
            tokens: 10,
            loss: kl,
            kl,
            nll: 2.0 * kl,
            nll_other: None,
            answers: Vec::new(),
            gradient: 0.1,
            gates: vec![0.02],
            seconds: 1.0,
        })
    }

    fn held_out(step: u64) -> Line {
        Line::HeldOut(HeldOutLine {
            step,
            held_out: 4,
            kl: 1.0 / (step + 1) as f64,
            nll: 2.0,
            nll_other: None,
            specific: None,
            kl_streaming: 0.5,
            nll_streaming: 2.0,
            nll_full: 1.0,
            seconds: 1.0,
        })
    }

    #[test]
    fn a_point_is_the_mean_of_ten_steps_and_the_last_of_what_is_left() {
        let lines: Vec<Line> = (1..=12).map(|i| step(i, i as f64)).collect();
        let charts = charts(&lines);
        let points = &charts[0].1.series[0].points;
        assert_eq!(points.iter().map(|p| (p.x, p.y)).collect::<Vec<_>>(), [(10.0, 5.5), (12.0, 11.5)]);
    }

    #[test]
    fn plots_are_written_for_what_was_measured() {
        let dir = tempfile::tempdir().unwrap();
        let (log, gate) = (dir.path().join("g.log.jsonl"), dir.path().join("g.gguf"));
        let lines = [held_out(0), step(1, 1.0), held_out(1)];
        let text: String = lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect();
        fs::write(&log, text).unwrap();
        draw(&log, &gate).unwrap();
        let svg = fs::read_to_string(dir.path().join("g.held-out.svg")).unwrap();
        assert!(svg.starts_with("<svg") && svg.contains("streaming, same bytes"));
        assert!(dir.path().join("g.training.svg").is_file());
        // nothing was read with another document
        assert!(!dir.path().join("g.specific.svg").exists());
    }
}
