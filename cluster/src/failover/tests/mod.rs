mod model;
mod schedules;
mod world;
