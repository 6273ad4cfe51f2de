/** Ask again and again, for fifteen seconds at most, until the answer is true, and give it. */
export async function until(ask) {
  const end = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`never true: ${ask}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
