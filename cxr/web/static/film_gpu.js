// Draws a film with WebGL2: its levels go to the graphics card as whole numbers, and everything
// else is worked out there. The same pictures as film_cpu.js, pixel for pixel but for rounding.

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

const VERTICES = `#version 300 es
void main() {
  vec2 corner = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENTS = `#version 300 es
precision highp float;
precision highp usampler2D;
uniform usampler2D film;      // levels as they were sent, in one of the film's sizes
uniform float across, down;   // of the film at full size, pixels
uniform float step_;          // film pixels a pixel of that size
uniform vec4 matrix;          // from film to screen: a, b, c, d
uniform vec2 origin;          // and e, f
uniform float tall;           // of the canvas, pixels
uniform sampler2D greys;      // of each level, 256 in a row
uniform bool squares;
uniform bool heated;
uniform highp sampler2D grid;
uniform sampler2D colours;
uniform vec4 inside;          // left, top, width, height of what the network sees
uniform vec2 range;           // least value, and what to divide by
uniform float cut, opacity;
out vec4 colour;

float levelAt(ivec2 at, ivec2 size) {
  return float(texelFetch(film, clamp(at, ivec2(0), size - 1), 0).r);
}

float nodeAt(ivec2 at, ivec2 size) {
  return texelFetch(grid, min(at, size - 1), 0).r;
}

void main() {
  vec2 from = vec2(gl_FragCoord.x, tall - gl_FragCoord.y) - origin;
  vec2 at = vec2(dot(matrix.xy, from), dot(matrix.zw, from)) / abs(matrix.x * matrix.w - matrix.y * matrix.z);
  colour = vec4(0.0, 0.0, 0.0, 1.0);
  if (at.x < 0.0 || at.y < 0.0 || at.x >= across || at.y >= down) return;

  ivec2 size = textureSize(film, 0);
  vec2 cell = at / step_ - 0.5;
  float level;
  if (squares) {
    level = levelAt(ivec2(floor(at)), size);
  } else {
    ivec2 i = ivec2(floor(cell));
    vec2 share = cell - floor(cell);
    level = mix(
      mix(levelAt(i, size), levelAt(i + ivec2(1, 0), size), share.x),
      mix(levelAt(i + ivec2(0, 1), size), levelAt(i + ivec2(1, 1), size), share.x), share.y);
  }
  int shown = int(floor(level + 0.5));
  colour.rgb = vec3(texelFetch(greys, ivec2(shown & 255, shown >> 8), 0).r);

  vec2 part = at - inside.xy;
  if (!heated || any(lessThan(part, vec2(0.0))) || any(greaterThan(part, inside.zw))) return;
  ivec2 nodes = textureSize(grid, 0);
  vec2 node = clamp((part - 0.5) / max(inside.zw - 1.0, 1.0), 0.0, 1.0) * vec2(nodes - 1);
  ivec2 n = ivec2(floor(node));
  vec2 f = node - floor(node);
  float value = mix(
    mix(nodeAt(n, nodes), nodeAt(n + ivec2(1, 0), nodes), f.x),
    mix(nodeAt(n + ivec2(0, 1), nodes), nodeAt(n + ivec2(1, 1), nodes), f.x), f.y);
  value = (value - range.x) / range.y;
  if (value < cut || value <= 0.0) return;
  vec3 tint = texelFetch(colours, ivec2(int(min(value, 1.0) * 255.0 + 0.5), 0), 0).rgb;
  colour.rgb = mix(colour.rgb, tint, opacity);
}`;

// What the graphics card can do: {maximum} size of a texture in pixels, or null where WebGL2 is
// missing or done in software. Asked once.
export function graphicsCard() {
  if (graphicsCard.found === undefined) {
    const gl = document.createElement("canvas").getContext("webgl2");
    const name =
      gl?.getExtension("WEBGL_debug_renderer_info")?.UNMASKED_RENDERER_WEBGL ?? gl?.RENDERER;
    graphicsCard.found = gl && {
      maximum: gl.getParameter(gl.MAX_TEXTURE_SIZE),
      software: SOFTWARE.test(gl.getParameter(name)),
    };
    gl?.getExtension("WEBGL_lose_context")?.loseContext();
  }
  return graphicsCard.found;
}

const PATIENCE = 2000; // ms in which a card that was lost may come back

export class TexturePainter {
  // `restored`: called where the card was lost and came back; `gone`: where it did not, and another
  // painter has to paint. Throws where it does not take part.
  constructor(canvas, restored, gone) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
      preserveDrawingBuffer: true,
    });
    if (!this.gl) throw new Error("No WebGL2");
    this.start();
    this.isFree = false;
    canvas.addEventListener("webglcontextlost", (event) => {
      // Also between two films: the next one's levels would come to a card that stays away.
      if (this.isFree) return;
      event.preventDefault();
      setTimeout(() => {
        if (!this.isFree && this.gl.isContextLost()) gone();
      }, PATIENCE);
    });
    canvas.addEventListener("webglcontextrestored", () => {
      if (this.isFree) return;
      try {
        this.start();
      } catch {
        gone(); // lost once more
        return;
      }
      restored();
    });
  }

  start() {
    const { gl } = this;
    this.sizes = new Map(); // textures of the film by size
    this.heated = null;
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, VERTICES],
      [gl.FRAGMENT_SHADER, FRAGMENTS],
    ]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program));
    }
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.bindVertexArray(gl.createVertexArray());
    this.place = Object.fromEntries(
      Array.from({ length: gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS) }, (_, i) => {
        const { name } = gl.getActiveUniform(program, i);
        return [name, gl.getUniformLocation(program, name)];
      }),
    );
    ["film", "grid", "colours", "greys"].forEach((name, unit) =>
      gl.uniform1i(this.place[name], unit),
    );
    this.greys = this.shown = null;
    [this.grid, this.colours] = [1, 2].map((unit) =>
      this.texture(unit, gl.R32F, 1, 1, gl.RED, gl.FLOAT, new Float32Array(1)),
    );
  }

  texture(unit, format, width, height, channels, kind, data) {
    const { gl } = this,
      texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0 + unit);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texImage2D(gl.TEXTURE_2D, 0, format, width, height, 0, channels, kind, data);
    return texture;
  }

  take(levels) {
    this.sizes.forEach((texture) => this.gl.deleteTexture(texture));
    this.sizes.clear();
    this.levels = levels;
  }

  free() {
    this.levels = null;
    this.isFree = true;
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  // As CanvasPainter.paint.
  paint({ placement, greys, heat }) {
    const { gl, place } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (!this.levels) return;
    const size = this.levels.at(placement.scale),
      byte = this.levels.max === 255;
    if (!this.sizes.has(size.index)) {
      this.sizes.set(
        size.index,
        this.texture(
          0,
          byte ? gl.R8UI : gl.R16UI,
          size.width,
          size.height,
          gl.RED_INTEGER,
          byte ? gl.UNSIGNED_BYTE : gl.UNSIGNED_SHORT,
          size.data,
        ),
      );
    }
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.sizes.get(size.index));
    gl.uniform1f(place.across, this.levels.width);
    gl.uniform1f(place.down, this.levels.height);
    gl.uniform1f(place.step_, size.step);
    gl.uniform4f(place.matrix, placement.a, placement.b, placement.c, placement.d);
    gl.uniform2f(place.origin, placement.e, placement.f);
    gl.uniform1f(place.tall, this.canvas.height);
    if (this.shown !== greys) this.look(greys);
    gl.uniform1i(place.squares, placement.squares ? 1 : 0);
    const scale = heat?.map.scale(heat.common);
    gl.uniform1i(place.heated, scale ? 1 : 0);
    if (scale) this.heat(heat, scale);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  look(greys) {
    const { gl } = this;
    if (this.greys) gl.deleteTexture(this.greys);
    const rows = Math.ceil(greys.length / 256);
    this.greys = this.texture(3, gl.R8, 256, rows, gl.RED, gl.UNSIGNED_BYTE, greys);
    this.shown = greys;
  }

  heat({ map, colours, opacity, cut }, { low, range }) {
    const { gl, place } = this;
    if (this.heated?.map !== map) {
      gl.deleteTexture(this.grid);
      this.grid = this.texture(1, gl.R32F, map.columns, map.rows, gl.RED, gl.FLOAT, map.grid);
    }
    if (this.heated?.colours !== colours) {
      gl.deleteTexture(this.colours);
      this.colours = this.texture(2, gl.RGB8, 256, 1, gl.RGB, gl.UNSIGNED_BYTE, colours.table);
    }
    this.heated = { map, colours };
    const { left, top, width, height } = map.inside;
    gl.uniform4f(place.inside, left, top, width, height);
    gl.uniform2f(place.range, low, range);
    gl.uniform1f(place.cut, cut);
    gl.uniform1f(place.opacity, opacity);
  }
}
