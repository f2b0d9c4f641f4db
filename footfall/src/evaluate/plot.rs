//! Plots as SVG: recall by intensity, and false positives by cohort.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 48.0;
/// Colours that can be told apart by the colour-blind (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999999"];

/// A line of a plot: its name and its points (intensity, recall).
pub(crate) type Line = (String, Vec<(f64, f64)>);

fn frame(title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    text(&mut svg, LEFT, 22.0, "start", &format!("{title} (simulated)"));
    svg
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ =
        writeln!(svg, "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn grid(svg: &mut String, y: f64) {
    let _ = writeln!(
        svg,
        "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.0}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>",
        WIDTH - RIGHT
    );
}

/// Recall by intensity, on a logarithmic axis.
pub(crate) fn recall(lines: &[Line]) -> String {
    let mut svg = frame("Recall by intensity");
    let xs = lines.iter().flat_map(|(_, points)| points.iter().map(|point| point.0));
    let (low, high) = xs.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    let span = (high / low).ln().max(1e-9);
    let x = |value: f64| LEFT + (value / low).ln() / span * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - value * (HEIGHT - TOP - BOTTOM);
    for step in 0..=5 {
        let share = f64::from(step) / 5.0;
        grid(&mut svg, y(share));
        text(&mut svg, LEFT - 6.0, y(share) + 4.0, "end", &format!("{:.0} %", 100.0 * share));
    }
    if let Some((_, points)) = lines.first() {
        for (value, _) in points {
            let label = format!("{} %", 100.0 * value);
            text(&mut svg, x(*value), HEIGHT - BOTTOM + 18.0, "middle", &label);
        }
    }
    text(&mut svg, LEFT, HEIGHT - 10.0, "start", "fraud as a share of all clicks");
    for (index, (name, points)) in lines.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = if index >= COLOURS.len() { " stroke-dasharray=\"5 3\"" } else { "" };
        let path: Vec<_> =
            points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            path.join(" ")
        );
        let at = TOP + 17.0 * index as f64;
        let from = WIDTH - RIGHT + 12.0;
        let _ = writeln!(
            svg,
            "<line x1=\"{from}\" y1=\"{at}\" x2=\"{}\" y2=\"{at}\" stroke=\"{colour}\" \
             stroke-width=\"2\"{dash}/>",
            from + 18.0
        );
        text(&mut svg, from + 24.0, at + 4.0, "start", name);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A bar for each name, and a line at the limit.
pub(crate) fn bars(title: &str, bars: &[(&str, f64)], limit: f64) -> String {
    let mut svg = frame(title);
    let most = bars.iter().map(|bar| bar.1).fold(limit, f64::max) * 1.1;
    let left = 190.0;
    let x = |value: f64| left + value / most * (WIDTH - left - 80.0);
    let step = (HEIGHT - TOP - BOTTOM) / bars.len().max(1) as f64;
    for (index, (name, value)) in bars.iter().enumerate() {
        let y = TOP + step * index as f64;
        text(&mut svg, left - 8.0, y + step * 0.6, "end", name);
        let _ = writeln!(
            svg,
            "<rect x=\"{left}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            y + step * 0.15,
            x(*value) - left,
            step * 0.6,
            COLOURS[0]
        );
        text(
            &mut svg,
            x(*value) + 6.0,
            y + step * 0.6,
            "start",
            &format!("{:.2} %", 100.0 * value),
        );
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{0:.1}\" y1=\"{TOP}\" x2=\"{0:.1}\" y2=\"{1:.1}\" stroke=\"{2}\" \
         stroke-dasharray=\"4 3\"/>",
        x(limit),
        HEIGHT - BOTTOM,
        COLOURS[1]
    );
    text(
        &mut svg,
        x(limit),
        HEIGHT - BOTTOM + 18.0,
        "middle",
        &format!("limit {} %", 100.0 * limit),
    );
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_say_what_they_are_and_stay_in_their_frame() {
        let lines = vec![("A0".to_owned(), vec![(0.001, 0.0), (0.05, 0.5), (0.3, 1.0)])];
        let plot = recall(&lines);
        assert!(
            plot.contains("(simulated)")
                && plot.contains("56.0,372.0")
                && plot.contains("510.0,40.0")
        );
        let plot = bars("False positives", &[("homes", 0.001), ("offices", 0.02)], 0.01);
        assert!(
            plot.contains("(simulated)") && plot.contains("2.00 %") && plot.contains("limit 1 %")
        );
        assert!(!plot.contains("NaN"));
    }
}
