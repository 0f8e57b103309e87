//! Slurm: jobs and their steps. Only the job has a name, so that sums over names count nothing twice.

use super::path::base;
use super::{Identity, Runtime};

/// `/slurm/uid_U/job_J/step_S` on v1, `…/slurmstepd.scope/job_J/step_S` on v2. With several daemons on a
/// host their node's name stands before: `slurm_NODE`, `NODE_slurmstepd.scope`.
///
/// A job's key is `J`, a step's `J.S`, as Slurm's own tools call them.
pub(super) fn identify(path: &str) -> Option<Identity> {
    let mut parts = path.split('/').skip_while(|part| !is_daemon(part)).skip(1);
    let mut part = parts.next()?;
    let user = match part.strip_prefix("uid_") {
        Some(user) => {
            part = parts.next()?;
            Some(user.parse().ok()?)
        }
        None => None,
    };
    let job = part.strip_prefix("job_").filter(|job| is_id(job))?;
    let mut identity = match parts.next() {
        None => {
            let mut identity = Identity::new(Runtime::Slurm, Some(job));
            identity.name = Some(base(path).to_owned());
            identity
        }
        Some(step) => {
            let step = step.strip_prefix("step_").filter(|step| is_id(step))?;
            Identity::new(Runtime::Slurm, Some(&format!("{job}.{step}")))
        }
    };
    identity.user = user;
    parts.next().is_none().then_some(identity)
}

fn is_daemon(part: &str) -> bool {
    part == "slurm"
        || part.starts_with("slurm_")
        || part == "slurmstepd.scope"
        || part.ends_with("_slurmstepd.scope")
}

/// Numbers, but also letters: `batch`, and the ids of newer versions.
fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn jobs_and_steps_are_found() {
        let scope = "/system.slice/slurmstepd.scope";
        for (path, key, name, user) in [
            ("/slurm/uid_1000/job_7".to_owned(), "7", Some("job_7"), Some(1000)),
            ("/slurm_n1/uid_0/job_7/step_0".to_owned(), "7.0", None, Some(0)),
            (format!("{scope}/job_7"), "7", Some("job_7"), None),
            (format!("{scope}/job_7/step_batch"), "7.batch", None, None),
            ("/system.slice/n1_slurmstepd.scope/job_s9A".to_owned(), "s9A", Some("job_s9A"), None),
        ] {
            let identity = identify(&path).expect(&path);
            assert_eq!(identity.key.as_deref(), Some(key), "{path}");
            assert_eq!((identity.name.as_deref(), identity.user), (name, user), "{path}");
        }
        for path in [
            "/slurm".to_owned(),
            "/slurm/uid_1000".to_owned(),
            "/slurm/uid_x/job_7".to_owned(),
            format!("{scope}/job_7/step_0/user"),
            format!("{scope}/job_7/step_0/user/task_0"),
            format!("{scope}/job_"),
            "/elsewhere/job_7".to_owned(),
        ] {
            assert_eq!(identify(&path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_read(path in "(/(slurm|slurmstepd.scope|uid_|job_|step_|[a-z0-9]){0,3}){0,5}") {
            if let Some(identity) = identify(&path) {
                prop_assert!(identity.key.is_some_and(|key| !key.is_empty()));
            }
        }
    }
}
