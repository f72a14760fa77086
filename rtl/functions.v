// The six functions of SHA-256 (FIPS 180-4, 4.1.2), one module each so that a netlist can be counted by function.

module big_sigma0 (input [31:0] x, output [31:0] y);
    assign y = {x[1:0], x[31:2]} ^ {x[12:0], x[31:13]} ^ {x[21:0], x[31:22]};
endmodule

module big_sigma1 (input [31:0] x, output [31:0] y);
    assign y = {x[5:0], x[31:6]} ^ {x[10:0], x[31:11]} ^ {x[24:0], x[31:25]};
endmodule

module small_sigma0 (input [31:0] x, output [31:0] y);
    assign y = {x[6:0], x[31:7]} ^ {x[17:0], x[31:18]} ^ (x >> 3);
endmodule

module small_sigma1 (input [31:0] x, output [31:0] y);
    assign y = {x[16:0], x[31:17]} ^ {x[18:0], x[31:19]} ^ (x >> 10);
endmodule

module choose (input [31:0] e, f, g, output [31:0] y);
    assign y = (e & f) | (~e & g);
endmodule

module majority (input [31:0] a, b, c, output [31:0] y);
    assign y = (a & b) | (c & (a | b));
endmodule
