//! The Compose file as what has to run: each service's environment, command, files and health check.
//!
//! It is read, not copied, so that API and workers without containers are told what they are told in them. Of
//! Temporal and of the databases only what matters to them is taken from it.

use crate::checkout::Checkout;
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Where it is in a checkout.
pub(crate) const FILE: &str = "deploy/docker-compose.yml";

/// The file, with its anchors and merges resolved.
pub(crate) struct Compose {
    services: BTreeMap<String, Value>,
    /// Its paths begin here.
    folder: PathBuf,
}

/// One service.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its variables, those of the file's own `${NAME:-value}` replaced by their values.
    pub(crate) environment: BTreeMap<String, String>,
    /// What its image's program is told; empty where the image says it.
    pub(crate) command: Vec<String>,
    /// Files of this checkout by their place in the container.
    pub(crate) files: Vec<(String, PathBuf)>,
    /// The program that says whether it is well, and what that is told.
    pub(crate) health: Vec<String>,
    /// How many containers there are of it.
    pub(crate) replicas: u64,
}

impl Compose {
    /// Reads the file of a checkout.
    pub(crate) fn read(checkout: &Checkout) -> Result<Self> {
        let path = checkout.root().join(FILE);
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
        let folder = path.parent().context("it is in no folder")?.to_owned();
        Self::of(&text, folder).with_context(|| FILE.to_owned())
    }

    fn of(text: &str, folder: PathBuf) -> Result<Self> {
        let document: Value = serde_saphyr::from_str(text)?;
        let services = document["services"].as_object().context("it has no services")?;
        Ok(Self { services: services.clone().into_iter().collect(), folder })
    }

    /// The names of all services.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// Fails where two services build one image: builds run beside each other, and the second cannot be kept.
    pub(crate) fn each_image_is_built_once(&self) -> Result<()> {
        let mut built = vec![];
        for (name, service) in self.services.iter().filter(|(_, service)| is_built_and_named(service)) {
            let image = &service["image"];
            if let Some((_, other)) = built.iter().find(|(known, _)| *known == image) {
                bail!("{other} and {name} both build {image}: let one of them");
            }
            built.push((image, name));
        }
        Ok(())
    }

    /// The image of a service, with its tag.
    #[cfg(test)]
    pub(crate) fn image(&self, name: &str) -> Result<&str> {
        self.get(name)?["image"].as_str().with_context(|| format!("{name} has no image"))
    }

    /// What a service is.
    pub(crate) fn service(&self, name: &str) -> Result<Service> {
        self.parse(self.get(name)?).with_context(|| format!("the service {name}"))
    }

    fn get(&self, name: &str) -> Result<&Value> {
        self.services.get(name).with_context(|| format!("there is no service {name}"))
    }

    fn parse(&self, service: &Value) -> Result<Service> {
        let mut environment = BTreeMap::new();
        for (name, value) in service["environment"].as_object().into_iter().flatten() {
            let value = value.as_str().with_context(|| format!("{name} is no text: put it in quotes"))?;
            environment.insert(name.clone(), expanded(value)?);
        }
        let test = texts(&service["healthcheck"]["test"])?;
        let health = match test.split_first() {
            Some((kind, words)) if kind == "CMD" => words.to_vec(),
            None => vec![],
            Some((kind, _)) => bail!("a health check of the kind {kind} is not one that runs everywhere"),
        };
        let mounts = texts(&service["volumes"])?;
        Ok(Service {
            environment,
            command: texts(&service["command"])?,
            files: mounts.iter().filter_map(|mount| self.file(mount)).collect(),
            health,
            replicas: service["deploy"]["replicas"].as_u64().unwrap_or(1),
        })
    }

    /// A mount such as `./omniflow.toml:/etc/omniflow/omniflow.toml:ro`; named volumes are none of this checkout.
    fn file(&self, mount: &str) -> Option<(String, PathBuf)> {
        let (here, there) = mount.split_once(':')?;
        let there = there.split(':').next()?;
        Some((there.to_owned(), self.folder.join(here.strip_prefix("./")?)))
    }
}

/// Whether it builds an image under a name of its own choosing: otherwise that has the service's name.
fn is_built_and_named(service: &Value) -> bool {
    !service["build"].is_null() && !service["image"].is_null()
}

fn texts(list: &Value) -> Result<Vec<String>> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| Ok(item.as_str().with_context(|| format!("{item} is no text"))?.to_owned())).collect()
}

/// A text with each `${NAME:-value}` replaced by its value, as Compose does where nobody sets the variable.
fn expanded(text: &str) -> Result<String> {
    let mut pieces = text.split("${");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (variable, rest) = piece.split_once('}').context("`${` without its `}`")?;
        let (name, value) = variable.split_once(":-").unwrap_or((variable, ""));
        ensure!(!value.is_empty(), "${{{name}}} has no default: write ${{{name}:-VALUE}}");
        whole.push_str(value);
        whole.push_str(rest);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
x-base: &base
  image: "base:1"
  volumes: ["./a.toml:/etc/a.toml:ro", "data:/data"]
services:
  one:
    <<: *base
    command: ["serve", "--config", "/etc/a.toml"]
    environment: &env
      URL: "postgres://u:${SECRET:-pw}@db:5432/u"
    deploy: { replicas: 3 }
    healthcheck: { test: ["CMD", "true"] }
  two:
    image: "two:2"
    environment: *env
"#;

    #[test]
    fn a_service_is_what_its_anchors_and_its_own_lines_say() {
        let compose = Compose::of(TEXT, PathBuf::from("/repo/deploy")).unwrap();
        let one = compose.service("one").unwrap();
        assert_eq!(compose.image("one").unwrap(), "base:1");
        assert_eq!(one.environment["URL"], "postgres://u:pw@db:5432/u");
        assert_eq!(one.command, ["serve", "--config", "/etc/a.toml"]);
        assert_eq!(one.files, [("/etc/a.toml".to_owned(), PathBuf::from("/repo/deploy/a.toml"))]);
        assert_eq!((one.health, one.replicas), (vec!["true".to_owned()], 3));
        let two = compose.service("two").unwrap();
        assert_eq!((two.environment.len(), two.command.len(), two.replicas), (1, 0, 1));
        assert!(compose.service("three").is_err());
    }

    #[test]
    fn an_image_that_two_services_build_is_told() {
        let text = |worker: &str| {
            format!("services:\n  api: {{ image: a:1, build: {{}} }}\n  worker: {{ image: {worker} }}\n")
        };
        let check = |worker: &str| {
            Compose::of(&text(worker), PathBuf::new())
                .unwrap()
                .each_image_is_built_once()
                .map_err(|e| e.to_string())
        };
        assert_eq!(
            check("a:1, build: ."),
            Err("api and worker both build \"a:1\": let one of them".to_owned())
        );
        assert_eq!((check("a:1, pull_policy: never"), check("b:1, build: .")), (Ok(()), Ok(())));
    }

    #[test]
    fn who_runs_an_image_that_another_builds_asks_no_registry_for_it() {
        let compose = Compose::read(&Checkout::find().unwrap()).unwrap();
        let (api, worker) = (compose.get("api").unwrap(), compose.get("worker").unwrap());
        assert_eq!((&worker["image"], worker["pull_policy"].as_str()), (&api["image"], Some("never")));
        assert!(api["build"].is_object() && worker["build"].is_null());
    }

    #[test]
    fn a_variable_without_a_value_is_told() {
        assert_eq!(expanded("a${X:-b}c${Y:-d}").unwrap(), "abcd");
        assert_eq!(expanded("${X}").unwrap_err().to_string(), "${X} has no default: write ${X:-VALUE}");
        assert!(expanded("${X").is_err());
    }

    #[test]
    fn the_file_of_this_checkout_can_be_read() {
        let compose = Compose::read(&Checkout::find().unwrap()).unwrap();
        for name in compose.names() {
            assert!(!compose.service(name).unwrap().health.is_empty(), "{name} has no health check");
        }
    }
}
