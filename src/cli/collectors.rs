//! `--collector.NAME` and `--no-collector.NAME`: which sets of metrics are collected, made from the list
//! of sets; and `?collect[]=NAME`, which asks for some of them.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::metric_set::{MetricSet, MetricSets};

/// The flags.
#[derive(Clone, Copy, Debug)]
pub struct Collectors {
    on: MetricSets,
    off: MetricSets,
    without_defaults: bool,
}

const DISABLE_DEFAULTS: &str = "collector.disable-defaults";

fn flag(set: MetricSet) -> String {
    format!("collector.{set}")
}

fn negative(set: MetricSet) -> String {
    format!("no-collector.{set}")
}

impl Collectors {
    /// The sets to collect, where `defaults` are those collected without a flag.
    pub fn sets(&self, defaults: MetricSets) -> MetricSets {
        let start = if self.without_defaults { MetricSets::NONE } else { defaults };
        self.off.iter().fold(start.union(self.on), MetricSets::without)
    }
}

impl Args for Collectors {
    fn augment_args(command: Command) -> Command {
        let switch = |name: String| {
            Arg::new(name.clone()).long(name).action(ArgAction::SetTrue).help_heading("Collectors")
        };
        let disable = switch(DISABLE_DEFAULTS.to_owned())
            .help("Collect only what is switched on by --collector.NAME");
        MetricSet::ALL
            .into_iter()
            .fold(command.arg(disable), |command, set| {
                let default = if set.is_default() { "on" } else { "off" };
                let on = switch(flag(set))
                    .overrides_with(negative(set))
                    .help(format!("{} [default: {default}]", set.help()));
                let off = switch(negative(set)).overrides_with(flag(set)).hide(true);
                command.arg(on).arg(off)
            })
            .after_help("Each --collector.NAME has its --no-collector.NAME.")
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Collectors {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |name: fn(MetricSet) -> String| {
            let sets = MetricSet::ALL.into_iter().filter(|set| matches.get_flag(&name(*set)));
            sets.fold(MetricSets::NONE, MetricSets::with)
        };
        Ok(Self {
            on: given(flag),
            off: given(negative),
            without_defaults: matches.get_flag(DISABLE_DEFAULTS),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What the parameters of a scrape ask for: `collect[]` names the sets wanted, `exclude[]` those not
/// wanted. Without either, all of them.
///
/// # Errors
/// Where both are given, or a name is unknown.
pub fn asked(parameters: &[(String, String)]) -> Result<MetricSets, String> {
    let named = |key: &str| {
        let values = parameters.iter().filter(|(name, _)| name == key);
        values.map(|(_, value)| value.parse::<MetricSet>()).collect::<Result<Vec<_>, _>>()
    };
    let (collect, exclude) = (named("collect[]")?, named("exclude[]")?);
    let all = MetricSets::of(&MetricSet::ALL);
    match (collect.is_empty(), exclude.is_empty()) {
        (false, false) => {
            Err("collect[] and exclude[] exclude each other: give one of them".into())
        }
        (false, true) => Ok(MetricSets::of(&collect)),
        (true, _) => Ok(exclude.into_iter().fold(all, MetricSets::without)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        collectors: Collectors,
    }

    fn sets(arguments: &[&str]) -> MetricSets {
        let line = ["x"].iter().chain(arguments);
        Line::try_parse_from(line).expect("parses").collectors.sets(MetricSets::defaults())
    }

    #[test]
    fn flags_add_and_take_away() {
        use MetricSet::{Cpu, Memory, Network, Tcp};
        let defaults = MetricSets::defaults();
        assert_eq!(sets(&[]), defaults);
        assert_eq!(sets(&["--collector.tcp"]), defaults.with(Tcp));
        assert_eq!(sets(&["--no-collector.network"]), defaults.without(Network));
        let few = ["--collector.disable-defaults", "--collector.cpu", "--collector.memory"];
        assert_eq!(sets(&few), MetricSets::of(&[Cpu, Memory]));
        assert_eq!(
            sets(&["--no-collector.cpu", "--collector.cpu"]),
            defaults,
            "the last one counts"
        );
        assert_eq!(sets(&["--collector.cpu", "--no-collector.cpu"]), defaults.without(Cpu));
        assert!(Line::try_parse_from(["x", "--collector.disc"]).is_err());
    }

    #[test]
    fn every_set_has_its_flags() {
        for set in MetricSet::ALL {
            let alone = sets(&["--collector.disable-defaults", &format!("--collector.{set}")]);
            assert_eq!(alone, MetricSets::of(&[set]));
            assert!(!sets(&[&format!("--no-collector.{set}")]).contains(set));
        }
    }

    #[test]
    fn a_scrape_asks_for_some() {
        let asked = |pairs: &[(&str, &str)]| {
            let owned = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            asked(&owned.collect::<Vec<_>>())
        };
        let all = MetricSets::of(&MetricSet::ALL);
        assert_eq!(asked(&[]), Ok(all));
        assert_eq!(asked(&[("other", "1")]), Ok(all));
        let two = MetricSets::of(&[MetricSet::Cpu, MetricSet::DiskIo]);
        assert_eq!(asked(&[("collect[]", "cpu"), ("collect[]", "diskIO")]), Ok(two));
        assert_eq!(asked(&[("exclude[]", "cpu")]), Ok(all.without(MetricSet::Cpu)));
        assert!(asked(&[("collect[]", "cpu"), ("exclude[]", "cpu")]).is_err());
        assert!(asked(&[("exclude[]", "disc")]).expect_err("unknown").contains("diskio"));
    }
}
