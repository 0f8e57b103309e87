//! Which of several models to use.

use serde::Serialize;

use super::scores::Scores;

/// One thing that candidates are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct Criterion {
    /// In words.
    pub name: &'static str,
    /// How many points the best gets.
    pub worth: u32,
    /// One figure a candidate, of which less is better.
    pub figures: Vec<f64>,
}

/// The points of one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Points {
    /// Its name.
    pub name: String,
    /// What it got.
    pub points: u32,
    /// For what, in words.
    pub won: Vec<&'static str>,
}

/// One model of replica counts as it competes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate<'a> {
    /// How good it is.
    pub scores: &'a Scores,
    /// How long it took to fit.
    pub fit_seconds: f64,
    /// How long a prediction takes.
    pub inference_seconds: f64,
}

/// What models of replica counts are compared by: eight points in all.
pub fn criteria(candidates: &[Candidate]) -> [Criterion; 5] {
    let criterion = |name, worth, figure: &dyn Fn(&Candidate) -> f64| {
        let figures = candidates.iter().map(figure).collect();
        Criterion { name, worth, figures }
    };
    [
        criterion("RMSE", 2, &|c| c.scores.rmse),
        criterion("exact accuracy", 2, &|c| -c.scores.exact_accuracy),
        criterion("within-1 accuracy", 1, &|c| -c.scores.within_1_accuracy),
        criterion("training time", 1, &|c| c.fit_seconds),
        criterion("inference time", 2, &|c| c.inference_seconds),
    ]
}

/// The points of every candidate, the one to use first: the most points, then the better figure of the
/// first criterion, then the name. Those who share the best figure of a criterion all get its points.
pub fn rank(names: &[&str], criteria: &[Criterion]) -> Vec<Points> {
    let figure = |criterion: &Criterion, place: usize| {
        criterion.figures.get(place).copied().filter(|f| !f.is_nan()).unwrap_or(f64::INFINITY)
    };
    let mut ranked: Vec<(f64, Points)> = names
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let best = |criterion: &&Criterion| {
                let own = figure(criterion, place);
                (0..names.len()).all(|other| own <= figure(criterion, other))
            };
            let won: Vec<&Criterion> = criteria.iter().filter(best).collect();
            let points = Points {
                name: (*name).to_owned(),
                points: won.iter().map(|criterion| criterion.worth).sum(),
                won: won.iter().map(|criterion| criterion.name).collect(),
            };
            (criteria.first().map_or(0.0, |first| figure(first, place)), points)
        })
        .collect();
    ranked.sort_by(|(figure_a, a), (figure_b, b)| {
        let by_figure = figure_a.total_cmp(figure_b);
        b.points.cmp(&a.points).then(by_figure).then_with(|| a.name.cmp(&b.name))
    });
    ranked.into_iter().map(|(_, points)| points).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RMSE, exact and within-1 accuracy, time to fit, time of a prediction.
    fn points(candidates: &[(&str, [f64; 5])]) -> Vec<Points> {
        let scores: Vec<Scores> = candidates
            .iter()
            .map(|(_, [rmse, exact, within, ..])| Scores {
                rows: 1,
                rmse: *rmse,
                mae: *rmse,
                r2: None,
                exact_accuracy: *exact,
                within_1_accuracy: *within,
            })
            .collect();
        let competing: Vec<Candidate> = scores
            .iter()
            .zip(candidates)
            .map(|(scores, (_, [.., fit, call]))| Candidate {
                scores,
                fit_seconds: *fit,
                inference_seconds: *call,
            })
            .collect();
        let names: Vec<&str> = candidates.iter().map(|(name, _)| *name).collect();
        rank(&names, &criteria(&competing))
    }

    #[test]
    fn eight_points_are_given() {
        let points = points(&[
            ("forest", [0.5, 0.8, 0.9, 1.0, 1e-6]),
            ("boosting", [0.4, 0.9, 0.9, 2.0, 2e-6]),
        ]);
        let named: Vec<_> = points.iter().map(|p| (&*p.name, p.points)).collect();
        assert_eq!(named, [("boosting", 5), ("forest", 4)]);
        assert_eq!(points[0].won, ["RMSE", "exact accuracy", "within-1 accuracy"]);
        assert_eq!(points[1].won, ["within-1 accuracy", "training time", "inference time"]);
    }

    #[test]
    fn equal_points_go_by_rmse_then_by_name() {
        let same = [0.5, 0.8, 0.9, 1.0, 1e-6];
        assert_eq!(points(&[("b", same), ("a", same)])[0].name, "a");
        let tied = points(&[("a", [0.5, 0.9, 0.95, 1.0, 2e-6]), ("b", [0.4, 0.8, 0.9, 2.0, 1e-6])]);
        assert_eq!((tied[0].points, tied[1].points), (4, 4));
        assert_eq!(tied[0].name, "b");
    }

    #[test]
    fn what_is_not_known_does_not_win() {
        let figures = vec![f64::NAN, 1.0];
        let ranked = rank(&["a", "b"], &[Criterion { name: "x", worth: 1, figures }]);
        assert_eq!((ranked[0].name.as_str(), ranked[0].points), ("b", 1));
        assert_eq!(ranked[1].points, 0);
    }
}
