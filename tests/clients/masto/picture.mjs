// Two by two points, red and blue, as PNG.
const POINTS = {
  red: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg==",
  blue: "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAD0lEQVR4nGNgYPgPRmAKABf2A/1+6zfzAAAAAElFTkSuQmCC",
};

export function picture(colour = "red") {
  const bytes = Buffer.from(POINTS[colour], "base64");
  return new File([bytes], `${colour}.png`, { type: "image/png" });
}
