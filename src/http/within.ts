/** For those who ask how the service is: an answer that does not come is an answer. */

const answerMsMax = 2_000

/** Rejects when `promise` takes too long. It goes on, but nobody waits for it. */
export async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${answerMsMax} ms`)), answerMsMax)
  })
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
