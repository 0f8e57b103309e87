//! Which of several models to use.

use serde::Serialize;

use super::scores::Scores;

/// One model as it competes.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// How good it is.
    pub scores: Scores,
    /// How long it took to fit.
    pub fit_seconds: f64,
    /// How long a prediction takes.
    pub inference_seconds: f64,
}

/// The points of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Points {
    /// Its name.
    pub name: String,
    /// What it got, of 8.
    pub points: u32,
    /// For what, in words.
    pub won: Vec<&'static str>,
}

/// What is compared, what it is worth, and its figure, of which less is better.
type Criterion = (&'static str, u32, fn(&Candidate) -> f64);

const CRITERIA: [Criterion; 5] = [
    ("RMSE", 2, |c| c.scores.rmse),
    ("exact accuracy", 2, |c| -c.scores.exact_accuracy),
    ("within-1 accuracy", 1, |c| -c.scores.within_1_accuracy),
    ("training time", 1, |c| c.fit_seconds),
    ("inference time", 2, |c| c.inference_seconds),
];

/// The points of every candidate, the one to use first: the most points, then the smaller RMSE, then the
/// name. Those who share the best figure of a criterion all get its points.
pub fn rank(candidates: &[Candidate]) -> Vec<Points> {
    let mut ranked: Vec<(&Candidate, Points)> = candidates
        .iter()
        .map(|candidate| {
            let best = |(_, _, figure): &&Criterion| {
                candidates.iter().all(|other| figure(candidate) <= figure(other))
            };
            let won: Vec<&Criterion> = CRITERIA.iter().filter(best).collect();
            let points = Points {
                name: candidate.name.clone(),
                points: won.iter().map(|(_, worth, _)| worth).sum(),
                won: won.iter().map(|(name, _, _)| *name).collect(),
            };
            (candidate, points)
        })
        .collect();
    ranked.sort_by(|(a, of_a), (b, of_b)| {
        let rmse = a.scores.rmse.total_cmp(&b.scores.rmse);
        of_b.points.cmp(&of_a.points).then(rmse).then_with(|| a.name.cmp(&b.name))
    });
    ranked.into_iter().map(|(_, points)| points).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(name: &str, rmse: f64, exact: f64, within: f64, fit: f64, call: f64) -> Candidate {
        let scores = Scores {
            rows: 1,
            rmse,
            mae: rmse,
            r2: None,
            exact_accuracy: exact,
            within_1_accuracy: within,
        };
        Candidate { name: name.to_owned(), scores, fit_seconds: fit, inference_seconds: call }
    }

    #[test]
    fn eight_points_are_given() {
        let points = rank(&[
            candidate("forest", 0.5, 0.8, 0.9, 1.0, 1e-6),
            candidate("boosting", 0.4, 0.9, 0.9, 2.0, 2e-6),
        ]);
        let named: Vec<_> = points.iter().map(|p| (&*p.name, p.points)).collect();
        assert_eq!(named, [("boosting", 5), ("forest", 4)]);
        assert_eq!(points[0].won, ["RMSE", "exact accuracy", "within-1 accuracy"]);
        assert_eq!(points[1].won, ["within-1 accuracy", "training time", "inference time"]);
    }

    #[test]
    fn equal_points_go_by_rmse_then_by_name() {
        let even =
            [candidate("b", 0.5, 0.8, 0.9, 1.0, 1e-6), candidate("a", 0.5, 0.8, 0.9, 1.0, 1e-6)];
        assert_eq!(rank(&even)[0].name, "a");
        // 2 + 1 + 1 against 2 + 2 would not be even: exact and within-1 and training = 4, RMSE and calls = 4
        let tied =
            [candidate("a", 0.5, 0.9, 0.95, 1.0, 2e-6), candidate("b", 0.4, 0.8, 0.9, 2.0, 1e-6)];
        let points = rank(&tied);
        assert_eq!((points[0].points, points[1].points), (4, 4));
        assert_eq!(points[0].name, "b");
    }
}
