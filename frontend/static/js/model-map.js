// The map of a model begins with its newest end in sight; whoever wants the springs scrolls back.
export function start(region) {
  region.scrollLeft = region.scrollWidth;
}
