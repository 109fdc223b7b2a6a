use super::super::read::{Requests, Tail};
use super::*;
use crate::Rng;
use crate::disk::CrashDisk;

const DIR: &str = "/data/appendonlydir";
const NAME: &str = "appendonly.aof";

/// A data set is a list of numbers: a base holds them as lines, an increment as requests.
struct Model {
    log: Log<CrashDisk>,
    numbers: Vec<u64>,
    synced: usize,
}

fn request(number: u64) -> Vec<u8> {
    let text = number.to_string();
    format!("*1\r\n${}\r\n{text}\r\n", text.len()).into_bytes()
}

/// What a node finds that starts on `disk`.
fn recover(disk: &CrashDisk) -> (Vec<u64>, Log<CrashDisk>) {
    let manifest = Log::find(disk, Path::new(DIR), NAME).expect("a sound directory");
    let mut numbers = Vec::new();
    if let Some(manifest) = &manifest {
        let path = |segment: &Segment| Path::new(DIR).join(&segment.file);
        if let Some(base) = &manifest.base {
            let mut text = String::new();
            let mut file = disk.read(&path(base)).expect("the base");
            io::Read::read_to_string(&mut file, &mut text).expect("text");
            numbers.extend(
                text.lines()
                    .map(|line| line.parse::<u64>().expect("a number")),
            );
        }
        for (i, segment) in manifest.increments.iter().enumerate() {
            let is_last = i + 1 == manifest.increments.len();
            let file = disk.read(&path(segment)).expect("an increment");
            let mut requests = Requests::new(file, 0);
            let tail = loop {
                match requests.next_unit().expect("a sound increment") {
                    Ok(unit) => {
                        let text = std::str::from_utf8(unit.bytes()).expect("digits");
                        numbers.push(text.parse().expect("a number"));
                    }
                    Err(tail) => break tail,
                }
            };
            if let Tail::Torn { good } = tail {
                assert!(is_last, "only the end of the last file may be torn");
                disk.truncate(&path(segment), good).expect("it is cut");
            }
        }
    }
    let log =
        Log::open(disk, Path::new(DIR), NAME, manifest, Beginning::default()).expect("it opens");
    (numbers, log)
}

impl Model {
    fn new(disk: &CrashDisk) -> Model {
        let (numbers, log) = recover(disk);
        let synced = numbers.len();
        Model {
            log,
            numbers,
            synced,
        }
    }

    fn rewrite(&mut self, disk: &CrashDisk, finish: bool) {
        let rewrite = self
            .log
            .begin_rewrite(Beginning::default(), BaseForm::Rdb)
            .expect("it begins");
        self.synced = self.numbers.len();
        let mut file = disk.create(&rewrite.temporary).expect("a file");
        for number in &self.numbers {
            file.write_all(format!("{number}\n").as_bytes())
                .expect("written");
        }
        if finish {
            file.sync().expect("synced");
            self.log.finish_rewrite(&rewrite).expect("it ends");
            self.log.remove_history().expect("removed");
        }
    }
}

#[test]
fn whatever_was_synced_survives_any_number_of_power_losses() {
    for seed in 0..400 {
        let mut rng = Rng::new(seed);
        let mut disk = CrashDisk::default();
        let mut next = 0;
        for life in 0..4 {
            let mut model = Model::new(&disk);
            for _ in 0..rng.below(60) {
                match rng.below(12) {
                    0 => {
                        model.log.sync().expect("synced");
                        model.synced = model.numbers.len();
                    }
                    1 => {
                        let finish = rng.below(2) == 0;
                        model.rewrite(&disk, finish);
                    }
                    _ => {
                        next += 1;
                        let done = model.log.append(&request(next)).expect("sound");
                        done.expect("there is room");
                        model.numbers.push(next);
                    }
                }
            }
            disk = disk.after_power_loss(&mut rng);
            let (found, _) = recover(&disk);
            assert!(found.len() >= model.synced, "seed {seed}, life {life}");
            assert_eq!(
                found,
                model.numbers[..found.len()],
                "seed {seed}, life {life}"
            );
        }
    }
}

#[test]
fn a_full_disk_refuses_a_write_and_keeps_what_was_there() {
    let disk = CrashDisk::default();
    let mut model = Model::new(&disk);
    let done = model.log.append(&request(1)).expect("sound");
    done.expect("there is room");
    disk.set_room(Some(3));
    let refused = model.log.append(&request(2)).expect("sound");
    assert_eq!(
        refused.expect_err("full").kind(),
        io::ErrorKind::StorageFull
    );
    disk.set_room(None);
    let done = model.log.append(&request(3)).expect("sound");
    done.expect("there is room again");
    assert_eq!(recover(&disk).0, [1, 3]);
}

#[test]
fn a_rewrite_for_which_there_is_no_room_leaves_everything_as_it_was() {
    let disk = CrashDisk::default();
    let mut model = Model::new(&disk);
    let append = |number, log: &mut Log<CrashDisk>| {
        let done = log.append(&request(number)).expect("sound");
        done.expect("there is room");
        log.sync().expect("synced");
    };
    append(1, &mut model.log);
    disk.set_room(Some(0));
    let refused = model.log.begin_rewrite(Beginning::default(), BaseForm::Rdb);
    assert!(!refused.expect_err("no room for a manifest").is_final());
    disk.set_room(None);
    append(2, &mut model.log);
    assert_eq!(recover(&disk).0, [1, 2]);

    let rewrite = model
        .log
        .begin_rewrite(Beginning::default(), BaseForm::Rdb)
        .expect("it begins");
    let mut file = disk.create(&rewrite.temporary).expect("a file");
    file.write_all(b"1\n2\n").expect("written");
    file.sync().expect("synced");
    disk.set_room(Some(0));
    let refused = model.log.finish_rewrite(&rewrite);
    assert!(!refused.expect_err("no room for a manifest").is_final());
    assert!(!disk.exists(&rewrite.temporary));
    assert!(!disk.exists(&Path::new(DIR).join("appendonly.aof.1.base.rdb")));
    disk.set_room(None);
    append(3, &mut model.log);
    assert_eq!(recover(&disk).0, [1, 2, 3]);
    model.numbers = vec![1, 2, 3];
    model.rewrite(&disk, true);
    assert_eq!(recover(&disk).0, [1, 2, 3]);

    disk.set_sync_fails(true);
    let lost = model.log.begin_rewrite(Beginning::default(), BaseForm::Rdb);
    assert!(lost.expect_err("it does not sync").is_final());
}

#[test]
fn a_sync_that_fails_is_an_error() {
    let disk = CrashDisk::default();
    let mut model = Model::new(&disk);
    let done = model.log.append(&request(1)).expect("sound");
    done.expect("there is room");
    disk.set_sync_fails(true);
    let error = model.log.sync().expect_err("it fails");
    assert!(error.to_string().starts_with("cannot sync"), "{error}");
}

#[test]
fn a_file_that_is_missing_is_named() {
    let disk = CrashDisk::default();
    drop(Model::new(&disk));
    let file = Path::new(DIR).join("appendonly.aof.1.incr.aof");
    disk.remove(&file).expect("it was there");
    let error = Log::find(&disk, Path::new(DIR), NAME).expect_err("missing");
    let text = format!("{} is missing, the manifest names it", file.display());
    assert_eq!(error.to_string(), text);
}

#[test]
fn a_rewrite_leaves_one_base_and_one_increment() {
    let disk = CrashDisk::default();
    let mut model = Model::new(&disk);
    for number in 1..=5 {
        let done = model.log.append(&request(number)).expect("sound");
        done.expect("there is room");
        model.numbers.push(number);
    }
    model.rewrite(&disk, true);
    assert_eq!(
        model.log.manifest().print(),
        "file appendonly.aof.1.base.rdb seq 1 type b\n\
         file appendonly.aof.2.incr.aof seq 2 type i startoffset 0\n"
    );
    assert_eq!(model.log.size(), 10);
    assert!(!disk.exists(&Path::new(DIR).join("appendonly.aof.1.incr.aof")));
    assert_eq!(recover(&disk).0, [1, 2, 3, 4, 5]);
}
