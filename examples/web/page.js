// page.js: frames from a file, a camera or a drawing go through the network; input, reconstruction, error and scores are drawn.
// model.js has put the module and its weights into `model`, both in base64, so that the page works without a server.
"use strict";

const element = (id) => document.getElementById(id);
const decode = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

const scores = []; // of the last frames, for the plot
let network, width, height, source, frames = 0;
let started = performance.now(), counted = 0;

function textAt(address) {
  const bytes = new Uint8Array(network.memory.buffer, address);
  return new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
}

async function load() {
  const { instance } = await WebAssembly.instantiate(decode(model.module), {});
  network = instance.exports;
  const weights = decode(model.weights);
  if (weights.length !== network.weights_size()) throw new Error("the weights are not this module's");
  new Uint8Array(network.memory.buffer).set(weights, network.weights_address());
  const error = network.start();
  if (error) throw new Error(textAt(error));
  const difference = network.selftest();
  if (difference < 0) throw new Error("the self-test came to other numbers than it should");
  element("status").textContent = `self-test passed, largest difference ${difference.toExponential(1)}`;
  width = network.width();
  height = network.height();
  for (const id of ["input", "output", "difference"]) Object.assign(element(id), { width, height });
}

// ---- sources: each draws its current picture into the input's canvas ----

function drawMovie(context, movie) {
  const side = Math.min(movie.videoWidth / width, movie.videoHeight / height); // cut to the network's shape
  const w = side * width, h = side * height;
  if (side > 0) context.drawImage(movie, (movie.videoWidth - w) / 2, (movie.videoHeight - h) / 2, w, h, 0, 0, width, height);
  return side > 0;
}

// A disc that goes round; every sixth second it is a square.
function drawShape(context, time) {
  const odd = Math.floor(time / 1000) % 6 === 5, x = width * (0.5 + 0.28 * Math.sin(time / 700)), y = height * (0.5 + 0.24 * Math.sin(time / 430));
  const sky = context.createLinearGradient(0, 0, 0, height);
  sky.addColorStop(0, "#464646");
  sky.addColorStop(1, "#828282");
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);
  context.fillStyle = "#f0f0f0";
  context.beginPath();
  if (odd) context.rect(x - width / 5, y - width / 5, width / 2.5, width / 2.5);
  else context.arc(x, y, width / 7, 0, 7);
  context.fill();
  return true;
}

function play(movie) {
  movie.muted = true;
  movie.loop = true;
  movie.play();
  network.reset();
  source = (context) => drawMovie(context, movie);
}

// ---- drawing ----

function showGrey(id, levels) {
  const picture = new ImageData(width, height);
  for (let i = 0; i < levels.length; i++) picture.data.set([levels[i], levels[i], levels[i], 255], 4 * i);
  element(id).getContext("2d").putImageData(picture, 0, 0);
}

function showDifference(levels, made) {
  const picture = new ImageData(width, height);
  for (let i = 0; i < levels.length; i++) {
    const far = Math.min(1, Math.abs(levels[i] - made[i]) / 96); // black, red, yellow, white
    picture.data.set([765 * far, 765 * far - 255, 765 * far - 510, 255], 4 * i);
  }
  element("difference").getContext("2d").putImageData(picture, 0, 0);
}

// The curve lies between the line below the text and the bottom.
function showScores() {
  const canvas = element("plot"), context = canvas.getContext("2d"), most = Math.max(...scores, 1e-6), top = 52, bottom = canvas.height - 2;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = "#475569";
  context.font = "24px system-ui, sans-serif";
  context.fillText(`score of the last 400 frames, from 0 to ${most.toPrecision(2)}`, 14, 34);
  context.fillStyle = "#e2e8f0";
  context.fillRect(0, top - 4, canvas.width, 2);
  context.strokeStyle = "#2563eb";
  context.lineWidth = 3;
  context.lineJoin = "round"; // the peaks of mitred corners would reach into the text
  context.beginPath();
  scores.forEach((score, i) => context.lineTo((canvas.width * i) / 400, bottom - ((bottom - top) * score) / most));
  context.stroke();
}

function frame(time) {
  const context = element("input").getContext("2d", { willReadFrequently: true });
  if (source(context, time)) {
    const pixels = context.getImageData(0, 0, width, height).data, memory = network.memory.buffer;
    const levels = new Uint8Array(memory, network.frame_address(), width * height);
    for (let i = 0; i < levels.length; i++) levels[i] = (299 * pixels[4 * i] + 587 * pixels[4 * i + 1] + 114 * pixels[4 * i + 2] + 500) / 1000;
    const score = network.step();
    const made = new Uint8Array(memory, network.reconstruction_address(), width * height);
    showGrey("input", levels);
    showGrey("output", made);
    showDifference(levels, made);
    if (score >= 0) scores.push(score); // −1: not finite
    if (scores.length > 400) scores.shift();
    showScores();
    element("score").textContent = score >= 0 ? score.toFixed(5) : "no number";
    element("frames").textContent = ++frames;
    counted++;
  }
  if (performance.now() - started > 1000) {
    element("rate").textContent = ((1000 * counted) / (performance.now() - started)).toFixed(1);
    started = performance.now();
    counted = 0;
  }
  requestAnimationFrame(frame);
}

function fail(error) {
  element("error").textContent = error.message;
}

element("file").onchange = (event) => {
  const movie = document.createElement("video");
  movie.src = URL.createObjectURL(event.target.files[0]);
  movie.onerror = () => fail(new Error("this browser cannot play the file"));
  play(movie);
};

element("camera").onclick = async () => {
  try {
    const movie = document.createElement("video");
    movie.srcObject = await navigator.mediaDevices.getUserMedia({ video: true });
    play(movie);
  } catch (error) {
    fail(error);
  }
};

element("drawn").onclick = () => {
  network.reset();
  source = drawShape;
};

load().then(() => {
  source = drawShape;
  requestAnimationFrame(frame);
}, fail);
